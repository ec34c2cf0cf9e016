package main

import (
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azwebpubsub"
)

// twoAndOne is two receivers of one user and one of nobody's.
func (b *bench) twoAndOne(groups ...string) (user string, his []*receiver, other *receiver) {
	user = b.own("user")
	options := token{UserID: user, Groups: groups}
	return user, []*receiver{b.receiver(options), b.receiver(options)}, b.receiver(token{Groups: groups})
}

func closeChecks() []check {
	return []check{
		{feature: "closeConnection", run: func(b *bench) {
			one, other := b.receiver(token{}), b.receiver(token{})
			reason := strings.TrimSpace(strings.Repeat("long ", 40))
			options := &azwebpubsub.CloseConnectionOptions{Reason: &reason}
			must(b.service.CloseConnection(b.ctx, hub, one.connectionID, options))
			one.expectClosed(reason)
			must(b.service.CloseConnection(b.ctx, hub, "nobody", nil))
			b.expectOpen(other)
		}},
		{feature: "closeAllConnections", run: func(b *bench) {
			all := []*receiver{b.receiver(token{}), b.receiver(token{})}
			must(b.service.CloseAllConnections(b.ctx, hub, &azwebpubsub.CloseAllConnectionsOptions{Reason: pointer("all")}))
			for _, one := range all {
				one.expectClosed("all")
			}
		}},
		{feature: "closeAllConnections.excluded", run: func(b *bench) {
			one, other := b.receiver(token{}), b.receiver(token{})
			options := &azwebpubsub.CloseAllConnectionsOptions{Reason: pointer("some"), Excluded: []string{other.connectionID}}
			must(b.service.CloseAllConnections(b.ctx, hub, options))
			one.expectClosed("some")
			b.expectOpen(other)
		}},
		{feature: "closeGroupConnections", run: func(b *bench) {
			group := b.own("group")
			one, other := b.receiver(token{Groups: []string{group}}), b.receiver(token{})
			options := &azwebpubsub.CloseGroupConnectionsOptions{Reason: pointer("group")}
			must(b.service.CloseGroupConnections(b.ctx, hub, group, options))
			one.expectClosed("group")
			b.expectOpen(other)
		}},
		{feature: "closeGroupConnections.excluded", run: func(b *bench) {
			group := b.own("group")
			one, other := b.receiver(token{Groups: []string{group}}), b.receiver(token{Groups: []string{group}})
			options := &azwebpubsub.CloseGroupConnectionsOptions{Reason: pointer("some"), Excluded: []string{other.connectionID}}
			must(b.service.CloseGroupConnections(b.ctx, hub, group, options))
			one.expectClosed("some")
			b.expectOpen(other)
		}},
		{feature: "closeUserConnections", run: func(b *bench) {
			user, his, other := b.twoAndOne()
			options := &azwebpubsub.CloseUserConnectionsOptions{Reason: pointer("user")}
			must(b.service.CloseUserConnections(b.ctx, hub, user, options))
			for _, one := range his {
				one.expectClosed("user")
			}
			b.expectOpen(other)
		}},
		{feature: "closeUserConnections.excluded", run: func(b *bench) {
			user, his, _ := b.twoAndOne()
			excluded := []string{his[1].connectionID}
			options := &azwebpubsub.CloseUserConnectionsOptions{Reason: pointer("some"), Excluded: excluded}
			must(b.service.CloseUserConnections(b.ctx, hub, user, options))
			his[0].expectClosed("some")
			b.expectOpen(his[1])
		}},
	}
}

func groupChecks() []check {
	return []check{
		{feature: "addConnectionToGroup", run: func(b *bench) {
			group := b.own("group")
			one, other := b.receiver(token{}), b.receiver(token{})
			must(b.service.AddConnectionToGroup(b.ctx, hub, group, one.connectionID, nil))
			must(b.service.AddConnectionToGroup(b.ctx, hub, group, one.connectionID, nil))
			b.expectMembers(group, []*receiver{one}, []*receiver{other})
			_, err := b.service.AddConnectionToGroup(b.ctx, hub, group, "nobody", nil)
			expectEqual(expectRefused(err, 404).ErrorCode, "Error.Connection.NotExisted", "code")
		}},
		{feature: "removeConnectionFromGroup", run: func(b *bench) {
			group := b.own("group")
			one, other := b.receiver(token{Groups: []string{group}}), b.receiver(token{Groups: []string{group}})
			must(b.service.RemoveConnectionFromGroup(b.ctx, hub, group, one.connectionID, nil))
			must(b.service.RemoveConnectionFromGroup(b.ctx, hub, group, "nobody", nil))
			b.expectMembers(group, []*receiver{other}, []*receiver{one})
		}},
		{feature: "removeConnectionFromAllGroups", run: func(b *bench) {
			groups := []string{b.own("red"), b.own("blue")}
			one, other := b.receiver(token{Groups: groups}), b.receiver(token{Groups: groups})
			must(b.service.RemoveConnectionFromAllGroups(b.ctx, hub, one.connectionID, nil))
			for _, group := range groups {
				b.expectMembers(group, []*receiver{other}, []*receiver{one})
			}
		}},
		{feature: "addConnectionsToGroups", run: func(b *bench) {
			groups := []string{b.own("red"), b.own("blue")}
			user, his, other := b.twoAndOne()
			request := azwebpubsub.AddToGroupsRequest{Groups: groups, Filter: pointer("userId eq '" + user + "'")}
			must(b.service.AddConnectionsToGroups(b.ctx, hub, request, nil))
			for _, group := range groups {
				b.expectMembers(group, his, []*receiver{other})
			}
		}},
		{feature: "removeConnectionsFromGroups", run: func(b *bench) {
			groups := []string{b.own("red"), b.own("blue")}
			user, his, other := b.twoAndOne(groups...)
			request := azwebpubsub.RemoveFromGroupsRequest{Groups: groups, Filter: pointer("userId eq '" + user + "'")}
			must(b.service.RemoveConnectionsFromGroups(b.ctx, hub, request, nil))
			for _, group := range groups {
				b.expectMembers(group, []*receiver{other}, his)
			}
		}},
		{feature: "addUserToGroup", run: func(b *bench) {
			group := b.own("group")
			user, his, other := b.twoAndOne()
			must(b.service.AddUserToGroup(b.ctx, hub, group, user, nil))
			b.expectMembers(group, his, []*receiver{other})
			_, err := b.service.AddUserToGroup(b.ctx, hub, group, "nobody", nil)
			expectEqual(expectRefused(err, 404).ErrorCode, "Warning.User.NotExisted", "code")
		}},
		{feature: "removeUserFromGroup", run: func(b *bench) {
			group := b.own("group")
			user, his, other := b.twoAndOne(group)
			must(b.service.RemoveUserFromGroup(b.ctx, hub, group, user, nil))
			must(b.service.RemoveUserFromGroup(b.ctx, hub, group, "nobody", nil))
			b.expectMembers(group, []*receiver{other}, his)
		}},
		{feature: "removeUserFromAllGroups", run: func(b *bench) {
			groups := []string{b.own("red"), b.own("blue")}
			user, his, other := b.twoAndOne(groups...)
			must(b.service.RemoveUserFromAllGroups(b.ctx, hub, user, nil))
			for _, group := range groups {
				b.expectMembers(group, []*receiver{other}, his)
			}
		}},
	}
}

func permissionChecks() []check {
	return []check{
		{feature: "grantPermission", run: func(b *bench) {
			group, r := b.own("group"), b.receiver(token{})
			options := &azwebpubsub.GrantPermissionOptions{TargetName: &group}
			must(b.service.GrantPermission(b.ctx, hub, azwebpubsub.PermissionJoinLeaveGroup, r.connectionID, options))
			must(b.service.GrantPermission(b.ctx, hub, azwebpubsub.PermissionSendToGroup, r.connectionID, options))
			expectEqual(r.ask(1, join(group))["success"], true, "joining")
			send := frame{"type": "sendToGroup", "group": group, "noEcho": true, "data": 1}
			expectEqual(r.ask(2, send)["success"], true, "sending")
			_, err := b.service.GrantPermission(b.ctx, hub, azwebpubsub.PermissionSendToGroup, "nobody", options)
			expectRefused(err, 404)
		}},
		{feature: "revokePermission", run: func(b *bench) {
			group := b.own("group")
			r := b.receiver(token{Roles: []string{"webpubsub.joinLeaveGroup"}})
			options := &azwebpubsub.RevokePermissionOptions{TargetName: &group}
			must(b.service.RevokePermission(b.ctx, hub, azwebpubsub.PermissionJoinLeaveGroup, r.connectionID, options))
			expectEqual(errorName(r.ask(1, join(group))), "Forbidden", "joining the group")
			expectEqual(r.ask(2, join(b.own("other")))["success"], true, "another")
			must(b.service.RevokePermission(b.ctx, hub, azwebpubsub.PermissionJoinLeaveGroup, "nobody", options))
		}},
	}
}
