module hubwire/sdks

go 1.23

require (
	github.com/Azure/azure-sdk-for-go/sdk/azcore v1.16.0
	github.com/Azure/azure-sdk-for-go/sdk/messaging/azwebpubsub v0.1.1
	github.com/coder/websocket v1.8.15
)
