"""Stands in for the vendor's extension `webpubsub`, which is not on PyPI: the same verbs of hubs and keys, by the same calls."""

import argparse
from collections import defaultdict

from azure.cli.core import AzCommandsLoader
from azure.cli.core.commands import CliCommandType
from azure.cli.core.commands.parameters import get_three_state_flag


def client_of(cli_ctx, *_):
    from azure.cli.core.commands.client_factory import get_mgmt_service_client
    from azure.mgmt.webpubsub import WebPubSubManagementClient

    return get_mgmt_service_client(cli_ctx, WebPubSubManagementClient)


class EventHandlerAction(argparse._AppendAction):
    """`--event-handler key=value …`, once for each handler."""

    def __call__(self, parser, namespace, values, option_string=None):
        super().__call__(parser, namespace, handler_of(values), option_string)


def handler_of(items):
    from azure.mgmt.webpubsub.models import EventHandler, ManagedIdentitySettings, UpstreamAuthSettings

    given = defaultdict(list)
    for item in items:
        key, value = item.split("=", 1)
        given[key.lower()].append(value)
    last = {key: values[-1] for key, values in given.items()}
    identity = ManagedIdentitySettings(resource=last["auth-resource"]) if "auth-resource" in last else None
    auth = UpstreamAuthSettings(type=last["auth-type"], managed_identity=identity) if "auth-type" in last else None
    return EventHandler(
        url_template=last["url-template"],
        user_event_pattern=last.get("user-event-pattern"),
        system_events=given.get("system-event"),
        auth=auth,
    )


def policy_of(allow_anonymous):
    return "allow" if allow_anonymous else "deny"


def hub_create(client, resource_group_name, name, hub_name, event_handler=None, allow_anonymous=False):
    from azure.mgmt.webpubsub.models import WebPubSubHub, WebPubSubHubProperties

    properties = WebPubSubHubProperties(
        event_handlers=event_handler, anonymous_connect_policy=policy_of(allow_anonymous)
    )
    hub = WebPubSubHub(properties=properties)
    return client.web_pub_sub_hubs.begin_create_or_update(hub_name, resource_group_name, name, hub)


def hub_show(client, resource_group_name, name, hub_name):
    return client.web_pub_sub_hubs.get(hub_name, resource_group_name, name)


def hub_put(client, resource_group_name, name, hub_name, parameters):
    return client.web_pub_sub_hubs.begin_create_or_update(hub_name, resource_group_name, name, parameters)


def hub_update(instance, event_handler=None, allow_anonymous=None):
    if allow_anonymous is not None:
        instance.properties.anonymous_connect_policy = policy_of(allow_anonymous)
    if event_handler is not None:
        instance.properties.event_handlers = event_handler
    return instance


def hub_list(client, resource_group_name, name):
    return client.web_pub_sub_hubs.list(resource_group_name, name)


def hub_delete(client, resource_group_name, name, hub_name):
    return client.web_pub_sub_hubs.begin_delete(hub_name, resource_group_name, name)


def key_show(client, resource_group_name, name):
    return client.web_pub_sub.list_keys(resource_group_name, name)


def key_regenerate(client, resource_group_name, name, key_type):
    from azure.mgmt.webpubsub.models import RegenerateKeyParameters

    parameters = RegenerateKeyParameters(key_type=key_type)
    client.web_pub_sub.begin_regenerate_key(resource_group_name, name, parameters).result()
    return client.web_pub_sub.list_keys(resource_group_name, name)


def show(client, resource_group_name, name):
    return client.web_pub_sub.get(resource_group_name, name)


def restart(client, resource_group_name, name):
    return client.web_pub_sub.begin_restart(resource_group_name, name)


class WebPubSubLoader(AzCommandsLoader):
    def __init__(self, cli_ctx=None):
        self.own = CliCommandType(operations_tmpl="azext_webpubsub#{}", client_factory=client_of)
        super().__init__(cli_ctx=cli_ctx, custom_command_type=self.own)

    def load_command_table(self, args):
        with self.command_group("webpubsub", client_factory=client_of) as group:
            group.custom_show_command("show", "show")
            group.custom_command("restart", "restart")
        with self.command_group("webpubsub hub", client_factory=client_of) as group:
            for verb in ("create", "list", "delete"):
                group.custom_command(verb, f"hub_{verb}")
            group.custom_show_command("show", "hub_show")
            group.generic_update_command(
                "update",
                getter_name="hub_show",
                getter_type=self.own,
                setter_name="hub_put",
                setter_type=self.own,
                custom_func_name="hub_update",
            )
        with self.command_group("webpubsub key", client_factory=client_of) as group:
            group.custom_command("show", "key_show")
            group.custom_command("regenerate", "key_regenerate")
        return self.command_table

    def load_arguments(self, command):
        with self.argument_context("webpubsub") as arguments:
            arguments.argument("name", options_list=["--name", "-n"])
            arguments.argument("resource_group_name", options_list=["--resource-group", "-g"])
        for verb in ("create", "update"):
            with self.argument_context(f"webpubsub hub {verb}") as arguments:
                arguments.argument("event_handler", action=EventHandlerAction, nargs="+")
                arguments.argument("allow_anonymous", arg_type=get_three_state_flag())


COMMAND_LOADER_CLS = WebPubSubLoader
