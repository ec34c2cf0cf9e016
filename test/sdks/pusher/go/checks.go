package main

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/pusher/pusher-http-go/v5"
)

// notOffered is why the library has no method for a row.
type notOffered string

var data = map[string]any{"text": "grüße ☃", "list": []any{1.0, 2.5, nil}}

func expectData(f frame) {
	var found map[string]any
	must(json.Unmarshal([]byte(f.text()), &found))
	expectEqual(found, data, "the data")
}

func expectFailure(err error, part string) {
	if err == nil {
		panic(fmt.Errorf("the call succeeded"))
	}
	if !strings.Contains(err.Error(), part) {
		panic(fmt.Errorf("the error does not say %s: %w", part, err))
	}
}

func event(name, channel, userID string) []pusher.WebhookEvent {
	return []pusher.WebhookEvent{{Name: name, Channel: channel, UserID: userID}}
}

// checks has one for each row of features.json that is about server libraries: a function, or notOffered.
var checks = map[string]any{
	"trigger": func(b *bench) {
		channels := []string{b.own("one"), b.own("two")}
		found := b.subscriber(channels[0])
		found.subscribe(channels[1], nil)
		must(b.client.TriggerMulti(channels, "greeting", data))
		first, second := found.next("greeting"), found.next("greeting")
		came := []string{first.Channel, second.Channel}
		sort.Strings(came)
		expectEqual(came, channels, "the channels")
		expectData(first)
		expectData(second)
	},
	"trigger.excluded": func(b *bench) {
		channel := b.own("channel")
		sender, other := b.subscriber(channel), b.subscriber(channel)
		_, err := b.client.TriggerWithParams(channel, "greeting", "others", pusher.TriggerParams{SocketID: &sender.socketID})
		must(err)
		must(b.client.Trigger(channel, "greeting", "all"))
		expectEqual(other.next("greeting").text(), "others", "the first at the other")
		expectEqual(sender.next("greeting").text(), "all", "the first at the sender")
	},
	"trigger.info": func(b *bench) {
		channel, presence := b.own("channel"), b.own("presence")
		b.subscriber(channel)
		b.member(presence, "ann")
		info := "user_count,subscription_count"
		params := pusher.TriggerParams{Info: &info}
		answer, err := b.client.TriggerMultiWithParams([]string{channel, presence}, "greeting", data, params)
		must(err)
		expectEqual(*answer.Channels[channel].SubscriptionCount, 1, "subscribers")
		expectEqual(*answer.Channels[presence].UserCount, 1, "users")
	},
	"trigger.tooLarge": func(b *bench) {
		b.client.OverrideMaxMessagePayloadKB = 20
		expectFailure(b.client.Trigger(b.own("channel"), "e", strings.Repeat("x", 10_241)), "413")
	},
	"triggerBatch": func(b *bench) {
		one, two := b.own("one"), b.own("two")
		found := b.subscriber(one)
		found.subscribe(two, nil)
		batch := []pusher.Event{{Channel: one, Name: "first", Data: data}, {Channel: two, Name: "second", Data: "text"}}
		_, err := b.client.TriggerBatch(batch)
		must(err)
		expectData(found.next("first"))
		expectEqual(found.next("second").Channel, two, "the channel of the second")
	},
	"triggerBatch.info": func(b *bench) {
		empty, channel := b.own("empty"), b.own("channel")
		b.subscriber(channel)
		info := "subscription_count"
		batch := []pusher.Event{
			{Channel: empty, Name: "e", Data: data, Info: &info},
			{Channel: channel, Name: "e", Data: data, Info: &info},
		}
		answer, err := b.client.TriggerBatch(batch)
		must(err)
		expectEqual(asJSON(answer), `{"batch":[{"subscription_count":0},{"subscription_count":1}]}`, "the answer")
	},
	"triggerEncrypted": func(b *bench) {
		channel := b.own("private-encrypted")
		found := b.receiver()
		authorization, err := b.client.AuthorizePrivateChannel(form(found.socketID, channel))
		must(err)
		found.subscribe(channel, authorization)
		must(b.client.Trigger(channel, "greeting", data))
		var encrypted map[string]string
		must(json.Unmarshal([]byte(found.next("greeting").text()), &encrypted))
		if encrypted["nonce"] == "" || encrypted["ciphertext"] == "" {
			panic(fmt.Errorf("the data is not encrypted"))
		}
	},
	"sendToUser": func(b *bench) {
		userID := b.own("user")
		receivers := []*receiver{b.signedIn(userID), b.signedIn(userID)}
		must(b.client.SendToUser(userID, "greeting", data))
		for _, each := range receivers {
			expectData(each.next("greeting"))
		}
	},
	"terminateUserConnections": notOffered("no such method"),
	"channels": func(b *bench) {
		channel := b.own("presence")
		b.member(channel, "ann")
		info := "user_count"
		answer, err := b.client.Channels(pusher.ChannelsParams{FilterByPrefix: &channel, Info: &info})
		must(err)
		expectEqual(answer.Channels, map[string]pusher.ChannelListItem{channel: {UserCount: 1}}, "the answer")
	},
	"channel": func(b *bench) {
		channel := b.own("channel")
		info := "subscription_count"
		answer, err := b.client.Channel(channel, pusher.ChannelParams{})
		must(err)
		expectEqual(answer.Occupied, false, "occupied at first")
		b.subscriber(channel)
		answer, err = b.client.Channel(channel, pusher.ChannelParams{Info: &info})
		must(err)
		expectEqual(*answer, pusher.Channel{Name: channel, Occupied: true, SubscriptionCount: 1}, "the answer")
	},
	"users": func(b *bench) {
		channel := b.own("presence")
		for _, userID := range []string{"ann", "ann", "ben"} {
			b.member(channel, userID)
		}
		answer, err := b.client.GetChannelUsers(channel)
		must(err)
		sort.Slice(answer.List, func(i, j int) bool { return answer.List[i].ID < answer.List[j].ID })
		expectEqual(answer.List, []pusher.User{{ID: "ann"}, {ID: "ben"}}, "the users")
	},
	"authorizeChannel": func(b *bench) {
		channel := b.own("private")
		found := b.receiver()
		authorization, err := b.client.AuthorizePrivateChannel(form(found.socketID, channel))
		must(err)
		found.subscribe(channel, authorization)
	},
	"authorizeChannel.presence": func(b *bench) {
		channel := b.own("presence")
		first := b.member(channel, "ann")
		b.member(channel, "ben")
		var came pusher.MemberData
		must(json.Unmarshal([]byte(first.next("pusher_internal:member_added").text()), &came))
		expectEqual(came, pusher.MemberData{UserID: "ben", UserInfo: map[string]string{"name": "ben"}}, "who came")
	},
	"authenticateUser": func(b *bench) { b.signedIn(b.own("user")) },
	"wrongSecret": func(b *bench) {
		b.client.Secret = "of-another"
		expectFailure(b.client.Trigger("channel", "greeting", data), "401")
	},
	"webhook": func(b *bench) {
		channel := b.own("channel")
		b.subscriber(channel)
		found := b.webhook("channel_occupied", channel)
		expectEqual(found.Events, event("channel_occupied", channel, ""), "the events")
		if age := time.Since(time.UnixMilli(int64(found.TimeMs))).Abs(); age > 5*time.Second {
			panic(fmt.Errorf("the time is %s away", age))
		}
	},
	"webhook.altered": func(b *bench) {
		channel := b.own("channel")
		b.subscriber(channel)
		came := b.delivery("channel_occupied", channel)
		_, err := b.client.Webhook(came.header(), []byte(came.Body))
		must(err)
		altered := strings.Replace(came.Body, "channel_occupied", "channel_occupieD", 1)
		_, err = b.client.Webhook(came.header(), []byte(altered))
		expectFailure(err, "")
	},
	"webhook.presence": func(b *bench) {
		channel := b.own("presence")
		member := b.member(channel, "ann")
		expectEqual(b.webhook("member_added", channel).Events, event("member_added", channel, "ann"), "the first event")
		member.drop()
		expectEqual(b.webhook("member_removed", channel).Events, event("member_removed", channel, "ann"), "the second event")
	},
	"webhook.clientEvent": func(b *bench) {
		channel := b.own("presence")
		member := b.member(channel, "ann")
		member.send("client-note", data, channel)
		expected := pusher.WebhookEvent{
			Name: "client_event", Channel: channel, Event: "client-note", SocketID: member.socketID, UserID: "ann",
		}
		found := b.webhook("client_event", channel).Events[0]
		expectData(frame{Data: found.Data})
		found.Data = ""
		expectEqual(found, expected, "the rest")
	},
	"webhook.vacated": func(b *bench) {
		channel := b.own("channel")
		b.subscriber(channel).drop()
		b.webhook("channel_vacated", channel)
	},
}
