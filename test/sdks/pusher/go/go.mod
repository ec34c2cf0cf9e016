module hubwire/pusher-sdk-checks

go 1.22

require github.com/pusher/pusher-http-go/v5 v5.1.1
