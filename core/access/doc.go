// Package access knows who may use the servers: users with passwords, tokens of
// machines, and the sessions of users who logged in.
//
// All of it is shared settings (user/NAME, token/ID and the key that signs sessions), so
// that both servers of a pair verify the same users, tokens and sessions without asking
// each other (GS5). Nothing in them lets a reader log in: passwords are kept as Argon2id,
// tokens as SHA-256, and the session key is sealed.
//
// A server without any user and token is open: whoever reaches it may do everything. The
// first one must be an administrator, and an administrator remains as long as anybody does.
package access
