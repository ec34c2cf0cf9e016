package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strings"

	"github.com/pusher/pusher-http-go/v5"
)

var controlURL = os.Getenv("HUBWIRE_CONTROL_URL")

// bench is what each check starts from: the library, receivers that end with the check, and names that nobody else uses.
type bench struct {
	client    pusher.Client
	feature   string
	receivers []*receiver
}

func newBench(feature string) *bench {
	place, err := url.Parse(os.Getenv("HUBWIRE_PUSHER_URL"))
	must(err)
	secret, _ := place.User.Password()
	client := pusher.Client{
		AppID:                     strings.Split(place.Path, "/")[2],
		Key:                       place.User.Username(),
		Secret:                    secret,
		Host:                      place.Host,
		EncryptionMasterKeyBase64: "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
	}
	return &bench{client: client, feature: feature}
}

// must panics: a panic is the result of the check.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func expectEqual(actual, expected any, what string) {
	if !reflect.DeepEqual(actual, expected) {
		panic(fmt.Errorf("%s: %v instead of %v", what, actual, expected))
	}
}

func asJSON(value any) string {
	text, err := json.Marshal(value)
	must(err)
	return string(text)
}

// control is what the runner answers; see test/sdks/pusher/stage.ts.
func control(method, path string, body []byte, answer any) {
	request, err := http.NewRequest(method, controlURL+path, bytes.NewReader(body))
	must(err)
	response, err := http.DefaultClient.Do(request)
	must(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(err)
	if response.StatusCode >= 400 {
		panic(fmt.Errorf("%s %s: %d", method, path, response.StatusCode))
	}
	if answer != nil {
		must(json.Unmarshal(text, answer))
	}
}

// receiver is a client on the runner's side.
type receiver struct {
	path     string
	socketID string
}

type frame struct {
	Event   string `json:"event"`
	Channel string `json:"channel"`
	Data    any    `json:"data"`
}

// text is the frame's data; an object is written as JSON.
func (f frame) text() string {
	if text, isText := f.Data.(string); isText {
		return text
	}
	return asJSON(f.Data)
}

func (r *receiver) send(event string, data any, channel string) {
	message := map[string]any{"event": event, "data": data}
	if channel != "" {
		message["channel"] = channel
	}
	control("POST", r.path, []byte(asJSON(message)), nil)
}

func (r *receiver) next(event string) (found frame) {
	control("GET", r.path+"/next?event="+url.QueryEscape(event), nil, &found)
	return found
}

// subscribe takes what the library signed, or nil.
func (r *receiver) subscribe(channel string, authorization []byte) {
	data := map[string]string{}
	if authorization != nil {
		must(json.Unmarshal(authorization, &data))
	}
	delete(data, "shared_secret")
	data["channel"] = channel
	r.send("pusher:subscribe", data, "")
	r.next("pusher_internal:subscription_succeeded")
}

func (r *receiver) drop() {
	control("DELETE", r.path, nil, nil)
}

func (b *bench) own(what string) string {
	return fmt.Sprintf("%s-%s-%d", what, b.feature, os.Getpid())
}

func (b *bench) receiver() *receiver {
	var greeted struct {
		ID       int    `json:"id"`
		SocketID string `json:"socketId"`
	}
	control("POST", "/receivers", nil, &greeted)
	found := &receiver{path: fmt.Sprintf("/receivers/%d", greeted.ID), socketID: greeted.SocketID}
	b.receivers = append(b.receivers, found)
	return found
}

func (b *bench) subscriber(channel string) *receiver {
	found := b.receiver()
	found.subscribe(channel, nil)
	return found
}

// form is the body of an authorization request, which the library reads.
func form(socketID, channel string) []byte {
	return []byte(url.Values{"socket_id": {socketID}, "channel_name": {channel}}.Encode())
}

// member is one of a presence channel, with the library's signature.
func (b *bench) member(channel, userID string) *receiver {
	found := b.receiver()
	member := pusher.MemberData{UserID: userID, UserInfo: map[string]string{"name": userID}}
	authorization, err := b.client.AuthorizePresenceChannel(form(found.socketID, channel), member)
	must(err)
	found.subscribe(channel, authorization)
	return found
}

func (b *bench) signedIn(userID string) *receiver {
	found := b.receiver()
	authentication, err := b.client.AuthenticateUser(form(found.socketID, ""), map[string]any{"id": userID})
	must(err)
	found.send("pusher:signin", json.RawMessage(authentication), "")
	found.next("pusher:signin_success")
	return found
}

type delivery struct {
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

func (d delivery) header() http.Header {
	header := http.Header{}
	for name, value := range d.Headers {
		header.Set(name, value)
	}
	return header
}

func (b *bench) delivery(name, channel string) (found delivery) {
	control("GET", "/webhooks/next?"+url.Values{"name": {name}, "channel": {channel}}.Encode(), nil, &found)
	return found
}

// webhook is what the library makes of a delivery that it has to accept.
func (b *bench) webhook(name, channel string) *pusher.Webhook {
	came := b.delivery(name, channel)
	found, err := b.client.Webhook(came.header(), []byte(came.Body))
	must(err)
	return found
}

func (b *bench) end() {
	for _, each := range b.receivers {
		each.drop()
	}
}
