using Microsoft.Azure.WebPubSub.AspNetCore;
using Microsoft.Azure.WebPubSub.Common;

var connectionString = Environment.GetEnvironmentVariable("WebPubSubConnectionString")
    ?? "Endpoint=http://localhost:8080;AccessKey=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH;Version=1.0;";

var builder = WebApplication.CreateBuilder(args);
// With the endpoint, the package checks the signature of each event and answers validation requests for it.
builder.Services
    .AddWebPubSub(options => options.ServiceEndpoint = new WebPubSubServiceEndpoint(connectionString))
    .AddWebPubSubServiceClient<ChatHub>();

var app = builder.Build();
app.MapWebPubSubHub<ChatHub>("/eventhandler/{*path}");

// A real app takes the user from its session, never from the query.
app.MapGet("/negotiate", (WebPubSubServiceClient<ChatHub> service, string user) =>
    new { url = service.GetClientAccessUri(userId: user).AbsoluteUri });

app.Run("http://localhost:3000");

/// <summary>The hub has the name of the class: ChatHub.</summary>
sealed class ChatHub(WebPubSubServiceClient<ChatHub> service) : WebPubSubHub
{
    public override async Task OnConnectedAsync(ConnectedEventRequest request)
    {
        await service.SendToAllAsync($"{request.ConnectionContext.UserId} joined");
    }

    // The answer goes to the client that sent the event.
    public override async ValueTask<UserEventResponse> OnMessageReceivedAsync(
        UserEventRequest request, CancellationToken cancellationToken)
    {
        await service.SendToAllAsync($"{request.ConnectionContext.UserId}: {request.Data}");
        return request.CreateResponse("sent");
    }
}
