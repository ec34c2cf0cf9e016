package main

import (
	"io"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azwebpubsub"
)

type azureBody = io.ReadSeekCloser

// check is one row of the table; without run the SDK does not offer it, and why says more.
type check struct {
	feature string
	run     func(b *bench)
	why     string
}

func notOffered(feature, why string) check {
	return check{feature: feature, why: why}
}

var clientFeatures = []string{
	"client.start", "client.stop", "client.joinGroup", "client.leaveGroup",
	"client.sendToGroup.text", "client.sendToGroup.json", "client.sendToGroup.binary",
	"client.sendToGroup.noEcho", "client.sendToGroup.fireAndForget",
	"client.sendEvent.text", "client.sendEvent.json", "client.sendEvent.binary", "client.sendEvent.failed",
	"client.ack.forbidden", "client.ack.duplicate", "client.serverMessage", "client.largeMessage", "client.disconnected",
	"client.reconnect", "client.reliable.start", "client.reliable.recovery", "client.invokeEvent", "client.groupStream",
}

func allChecks() []check {
	all := append(tokenChecks(), sendChecks()...)
	all = append(all, closeChecks()...)
	all = append(all, groupChecks()...)
	all = append(all, permissionChecks()...)
	for _, feature := range []string{"connectionExists", "groupExists", "userExists", "checkPermission"} {
		all = append(all, notOffered(feature, "the module keeps it to itself"))
	}
	for _, feature := range []string{"listConnectionsInGroup", "listConnectionsInGroup.paging", "getServiceStatus", "reverseProxyEndpoint"} {
		all = append(all, notOffered(feature, "no such method"))
	}
	for _, feature := range clientFeatures {
		all = append(all, notOffered(feature, "there is no client SDK"))
	}
	return all
}

func errorName(ack frame) any {
	details, _ := ack["error"].(map[string]any)
	return details["name"]
}

func join(group string) frame {
	return frame{"type": "joinGroup", "group": group}
}

func tokenChecks() []check {
	return []check{
		{feature: "getClientAccessToken", run: func(b *bench) {
			user := b.own("user")
			expectEqual(b.receiver(token{UserID: user}).userID, user, "userId")
			expectEqual(b.receiver(token{}).userID, nil, "userId of a token without one")
		}},
		{feature: "getClientAccessToken.groups", run: func(b *bench) {
			group := b.own("group")
			member := b.receiver(token{Groups: []string{group}})
			b.expectMembers(group, []*receiver{member}, []*receiver{b.receiver(token{})})
		}},
		{feature: "getClientAccessToken.roles", run: func(b *bench) {
			group := b.own("group")
			allowed := b.receiver(token{Roles: []string{"webpubsub.joinLeaveGroup." + group}})
			expectEqual(allowed.ask(1, join(group))["success"], true, "joining with the role")
			expectEqual(errorName(b.receiver(token{}).ask(1, join(group))), "Forbidden", "joining without it")
		}},
		notOffered("generateClientToken", "called with Entra credentials over TLS only"),
	}
}

// sending is a send to some target, whatever the target.
type sending func(contentType azwebpubsub.ContentType, message azureBody) error

func expectEachType(r *receiver, from string, send sending) {
	must(0, send(text, body("héllo")))
	must(0, send(azwebpubsub.ContentTypeApplicationJSON, body(`{"n":1,"list":[true,null]}`)))
	bytes := streaming.NopCloser(strings.NewReader("\x00\x01\x80\xff"))
	must(0, send(azwebpubsub.ContentTypeApplicationOctetStream, bytes))
	wanted := [][]any{
		{from, "text", "héllo"},
		{from, "json", map[string]any{"n": 1.0, "list": []any{true, nil}}},
		{from, "binary", "AAGA/w=="},
	}
	for _, one := range wanted {
		got := r.next()
		expectEqual([]any{got["from"], got["dataType"], got["data"]}, one, "what arrived")
	}
}

// expectOnly asserts that wanted gets the message, and unwanted only the one after it.
func (b *bench) expectOnly(wanted, unwanted *receiver) {
	expectEqual(wanted.next()["data"], "for some", "the one that was meant got")
	b.expectOpen(unwanted)
}

func sendChecks() []check {
	return []check{
		{feature: "sendToAll", run: func(b *bench) {
			expectEachType(b.receiver(token{}), "server", func(kind azwebpubsub.ContentType, message azureBody) error {
				_, err := b.service.SendToAll(b.ctx, hub, kind, message, nil)
				return err
			})
		}},
		{feature: "sendToAll.excluded", run: func(b *bench) {
			wanted, unwanted := b.receiver(token{}), b.receiver(token{})
			options := &azwebpubsub.SendToAllOptions{Excluded: []string{unwanted.connectionID}}
			must(b.service.SendToAll(b.ctx, hub, text, body("for some"), options))
			b.expectOnly(wanted, unwanted)
		}},
		{feature: "sendToAll.filter", run: func(b *bench) {
			user := b.own("o'hara")
			wanted, unwanted := b.receiver(token{UserID: user}), b.receiver(token{})
			filter := "userId eq '" + strings.ReplaceAll(user, "'", "''") + "'"
			must(b.service.SendToAll(b.ctx, hub, text, body("for some"), &azwebpubsub.SendToAllOptions{Filter: &filter}))
			b.expectOnly(wanted, unwanted)
		}},
		{feature: "sendToGroup", run: func(b *bench) {
			group := b.own("group")
			expectEachType(b.receiver(token{Groups: []string{group}}), "group", func(kind azwebpubsub.ContentType, message azureBody) error {
				_, err := b.service.SendToGroup(b.ctx, hub, group, kind, message, nil)
				return err
			})
		}},
		{feature: "sendToGroup.excluded", run: func(b *bench) {
			group := b.own("group")
			wanted, unwanted := b.receiver(token{Groups: []string{group}}), b.receiver(token{Groups: []string{group}})
			options := &azwebpubsub.SendToGroupOptions{Excluded: []string{unwanted.connectionID}}
			must(b.service.SendToGroup(b.ctx, hub, group, text, body("for some"), options))
			b.expectOnly(wanted, unwanted)
		}},
		{feature: "sendToGroup.filter", run: func(b *bench) {
			group, other := b.own("group"), b.own("other")
			wanted, unwanted := b.receiver(token{Groups: []string{group}}), b.receiver(token{Groups: []string{group, other}})
			options := &azwebpubsub.SendToGroupOptions{Filter: pointer("not('" + other + "' in groups)")}
			must(b.service.SendToGroup(b.ctx, hub, group, text, body("for some"), options))
			b.expectOnly(wanted, unwanted)
		}},
		{feature: "sendToUser", run: func(b *bench) {
			user := b.own("user")
			expectEachType(b.receiver(token{UserID: user}), "server", func(kind azwebpubsub.ContentType, message azureBody) error {
				_, err := b.service.SendToUser(b.ctx, hub, user, kind, message, nil)
				return err
			})
		}},
		{feature: "sendToUser.filter", run: func(b *bench) {
			user, group := b.own("user"), b.own("group")
			wanted, unwanted := b.receiver(token{UserID: user, Groups: []string{group}}), b.receiver(token{UserID: user})
			options := &azwebpubsub.SendToUserOptions{Filter: pointer("'" + group + "' in groups")}
			must(b.service.SendToUser(b.ctx, hub, user, text, body("for some"), options))
			b.expectOnly(wanted, unwanted)
		}},
		{feature: "sendToConnection", run: func(b *bench) {
			r := b.receiver(token{})
			expectEachType(r, "server", func(kind azwebpubsub.ContentType, message azureBody) error {
				_, err := b.service.SendToConnection(b.ctx, hub, r.connectionID, kind, message, nil)
				return err
			})
			must(b.service.SendToConnection(b.ctx, hub, "nobody", text, body("x"), nil))
		}},
		{feature: "send.messageTtlSeconds", run: func(b *bench) {
			r := b.receiver(token{})
			soon := &azwebpubsub.SendToConnectionOptions{MessageTTLSeconds: pointer[int32](300)}
			must(b.service.SendToConnection(b.ctx, hub, r.connectionID, text, body("soon"), soon))
			expectEqual(r.next()["data"], "soon", "what arrived")
			tooLong := &azwebpubsub.SendToAllOptions{MessageTTLSeconds: pointer[int32](301)}
			_, err := b.service.SendToAll(b.ctx, hub, text, body("never"), tooLong)
			expectRefused(err, 400)
		}},
		{feature: "send.invalidFilter", run: func(b *bench) {
			options := &azwebpubsub.SendToAllOptions{Filter: pointer("invalid filter")}
			_, err := b.service.SendToAll(b.ctx, hub, text, body("x"), options)
			wanted := "Invalid syntax for 'invalid filter': Syntax error at position 14 in 'invalid filter'. (Parameter 'filter')"
			expectEqual(strings.Contains(expectRefused(err, 400).Error(), wanted), true, "the error tells why")
		}},
	}
}
