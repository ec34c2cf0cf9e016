package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azwebpubsub"
	"github.com/coder/websocket"
)

// Hub of all checks; its events go to the runner's upstream, which echoes them.
const hub = "sdks"

const text = azwebpubsub.ContentTypeTextPlain

type frame map[string]any

// failed is how a check ends that found something else than it should.
type failed string

func expectEqual(actual, expected any, what string) {
	if !reflect.DeepEqual(actual, expected) {
		panic(failed(fmt.Sprintf("%s: %v instead of %v", what, actual, expected)))
	}
}

// must ends the check on any error of a call that has to succeed; the SDK's answers to writes hold nothing.
func must[T any](value T, err error) T {
	if err != nil {
		panic(failed(err.Error()))
	}
	return value
}

// expectRefused asserts the status of a call that has to fail, and returns its error.
func expectRefused(err error, status int) *azcore.ResponseError {
	var refused *azcore.ResponseError
	if !errors.As(err, &refused) {
		panic(failed(fmt.Sprintf("not an HTTP error: %v", err)))
	}
	expectEqual(refused.StatusCode, status, "status")
	return refused
}

// bench is what each check starts from: a service client, names nobody else uses, and a deadline.
type bench struct {
	ctx       context.Context
	name      string
	service   *azwebpubsub.Client
	receivers []*receiver
}

func newBench(ctx context.Context, name string) *bench {
	service := must(azwebpubsub.NewClientFromConnectionString(os.Getenv("HUBWIRE_CONNECTION_STRING"), nil))
	return &bench{ctx: ctx, name: name, service: service}
}

// own is a name of this check's own, e.g. for a group.
func (b *bench) own(what string) string {
	return fmt.Sprintf("%s-%s-%d", what, b.name, os.Getpid())
}

type token = azwebpubsub.GenerateClientAccessURLOptions

func (b *bench) receiver(options token) *receiver {
	url := must(b.service.GenerateClientAccessURL(b.ctx, hub, &options)).URL
	socket, _, err := websocket.Dial(b.ctx, url, &websocket.DialOptions{Subprotocols: []string{"json.webpubsub.azure.v1"}})
	r := &receiver{ctx: b.ctx, socket: must(socket, err)}
	b.receivers = append(b.receivers, r)
	connected := r.next()
	expectEqual(connected["event"], "connected", "the first frame")
	r.connectionID, r.userID = connected["connectionId"].(string), connected["userId"]
	return r
}

func (b *bench) end() {
	for _, r := range b.receivers {
		_ = r.socket.CloseNow() // one that the service has closed is closed already
	}
}

// expectMembers asserts whom the group reaches: nobody else gets anything before the next message.
func (b *bench) expectMembers(group string, members, others []*receiver) {
	must(b.service.SendToGroup(b.ctx, hub, group, text, body("probe"), nil))
	for _, one := range members {
		expectEqual(one.next()["data"], "probe", "a member got")
	}
	for _, one := range others {
		b.expectOpen(one)
	}
}

func (b *bench) expectOpen(one *receiver) {
	must(b.service.SendToConnection(b.ctx, hub, one.connectionID, text, body("next"), nil))
	expectEqual(one.next()["data"], "next", "the one that was not meant got first")
}

// receiver is a WebSocket client of json.webpubsub.azure.v1.
type receiver struct {
	ctx          context.Context
	socket       *websocket.Conn
	connectionID string
	userID       any
}

func (r *receiver) next() frame {
	_, bytes, err := r.socket.Read(r.ctx)
	must(0, err)
	var got frame
	must(0, json.Unmarshal(bytes, &got))
	return got
}

// ask resolves with the answer to a request that carries an ackId; nothing else may come before it.
func (r *receiver) ask(ackID int, request frame) frame {
	request["ackId"] = ackID
	bytes := must(json.Marshal(request))
	must(0, r.socket.Write(r.ctx, websocket.MessageText, bytes))
	return r.next()
}

// expectClosed asserts that the service says why and then closes with 1000.
func (r *receiver) expectClosed(reason string) {
	last := r.next()
	expectEqual(last["event"], "disconnected", "last frame")
	message, _ := last["message"].(string)
	expectEqual(strings.HasSuffix(message, " Reason: "+reason), true, "message of the last frame: "+message)
	_, _, err := r.socket.Read(r.ctx)
	expectEqual(websocket.CloseStatus(err), websocket.StatusNormalClosure, "close code")
}

func body(content string) azureBody {
	return streaming.NopCloser(strings.NewReader(content))
}

func pointer[T any](value T) *T {
	return &value
}
