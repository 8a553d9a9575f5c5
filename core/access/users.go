package access

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

const (
	userPrefix = "user/"
	maxUsers   = 10_000
)

// User is a person who may log in.
type User struct {
	Name    string    `json:"-"`
	Role    core.Role `json:"role"`
	Created time.Time `json:"created"` // UTC, whole seconds
	Changed time.Time `json:"changed"` // role or password

	// Generation is another word after every change: sessions carry it, and end with it.
	// It is never used twice, so a user who is removed and made again has no old sessions.
	Generation string `json:"generation"`
	Password   string `json:"password"` // its Argon2id hash
}

var nameShape = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// CheckName says why something is no name of a user or token.
func CheckName(name string) error {
	if !nameShape.MatchString(name) {
		return core.Refuse(core.CodeBadRequest, "use small letters, digits, dot, dash and underscore, at most 64",
			"%.80q is no name for a user or a token", name)
	}
	return nil
}

// Users lists all users by name.
func (d *Directory) Users() ([]User, error) {
	found, err := d.settings.Settings(userPrefix)
	if err != nil {
		return nil, err
	}
	list := make([]User, 0, len(found))
	for _, key := range slices.Sorted(maps.Keys(found)) {
		u, err := decodeUser(strings.TrimPrefix(key, userPrefix), found[key])
		if err != nil {
			return nil, err
		}
		list = append(list, u)
	}
	return list, nil
}

func decodeUser(name string, value []byte) (User, error) {
	u := User{Name: name}
	if err := json.Unmarshal(value, &u); err != nil {
		return User{}, fmt.Errorf("setting of user %s: %w", name, err)
	}
	return u, nil
}

// user looks one up; nil: there is none.
func (d *Directory) user(name string) (*User, error) {
	if CheckName(name) != nil {
		return nil, nil
	}
	value, err := d.settings.Setting(userPrefix + name)
	if err != nil || value == nil {
		return nil, err
	}
	u, err := decodeUser(name, value)
	return &u, err
}

// Change is what becomes of a user. What is empty stays as it is; a new user needs both.
type Change struct {
	Role     core.Role
	Password string
}

// SetUser makes a user, or changes one, whose sessions end then.
func (d *Directory) SetUser(ctx context.Context, name string, c Change, by string) (User, error) {
	if err := CheckName(name); err != nil {
		return User{}, err
	}
	if c.Role != "" {
		if _, err := core.ParseRole(string(c.Role)); err != nil {
			return User{}, err
		}
	}
	if c.Role == core.Worker {
		return User{}, core.Refuse(core.CodeBadRequest, "make a token for the machine: twinleaf token add NAME --role worker", "the role %s is for machines", c.Role)
	}
	var password string
	if c.Password != "" {
		var err error
		if password, err = d.hash(ctx, c.Password); err != nil {
			return User{}, err
		}
	}
	d.changing.Lock()
	defer d.changing.Unlock()
	old, err := d.user(name)
	if err != nil {
		return User{}, err
	}
	u, err := d.changed(name, old, c.Role, password)
	if err != nil {
		return User{}, err
	}
	if err := d.roomFor(u, old == nil); err != nil {
		return User{}, err
	}
	if err := d.ensureKey(ctx, by); err != nil {
		return User{}, err
	}
	return u, d.write(ctx, userPrefix+name, u, by)
}

// changed is a user after a change; old is nil for a new one.
func (d *Directory) changed(name string, old *User, role core.Role, password string) (User, error) {
	now := d.config.Now().UTC().Truncate(time.Second)
	u := User{Name: name, Created: now}
	if old != nil {
		u = *old
	}
	if role != "" {
		u.Role = role
	}
	if password != "" {
		u.Password = password
	}
	if u.Role == "" || u.Password == "" {
		return u, core.Refuse(core.CodeBadRequest, "give a role and a password", "there is no user %s yet, and a new one needs both", name)
	}
	var err error
	u.Changed = now
	u.Generation, err = d.word(12)
	return u, err
}

// roomFor refuses a user who would be one too many, and one after whom there is no
// administrator.
func (d *Directory) roomFor(u User, isNew bool) error {
	left, users, err := d.administrators("")
	if err != nil {
		return err
	}
	if isNew && users >= maxUsers {
		return core.Refuse(core.CodeOverLimit, "remove users who are gone", "there are %d users, which is all that there may be", users)
	}
	delete(left, userPrefix+u.Name)
	if u.Role == core.Administrator || len(left) > 0 {
		return nil
	}
	return noAdministrator(isNew)
}

func noAdministrator(isNew bool) error {
	if isNew {
		return core.Refuse(core.CodeConflict, "make an administrator first: twinleaf user add NAME --role administrator",
			"there is no administrator yet, and with the first user or token everybody has to say who they are")
	}
	return core.Refuse(core.CodeConflict, "make another administrator first, or remove the others first", "nobody would be administrator any more")
}

// RemoveUser removes a user and ends their sessions. open reports that nobody is left, so
// that nobody has to say who they are any more.
func (d *Directory) RemoveUser(ctx context.Context, name, by string) (open bool, err error) {
	d.changing.Lock()
	defer d.changing.Unlock()
	u, err := d.user(name)
	if err != nil {
		return false, err
	}
	if u == nil {
		return false, core.Refuse(core.CodeUnknown, `list them with "twinleaf user list"`, "there is no user %.80q", name)
	}
	return d.removeOne(ctx, userPrefix+name, by)
}

// removeOne removes a user or token unless others would be left without an administrator.
func (d *Directory) removeOne(ctx context.Context, key, by string) (open bool, err error) {
	left, _, err := d.administrators(key)
	if err != nil {
		return false, err
	}
	others, err := d.others(key)
	if err != nil {
		return false, err
	}
	if others > 0 && len(left) == 0 {
		return false, noAdministrator(false)
	}
	return others == 0, d.settings.SetSetting(ctx, key, nil, by)
}

// others counts users and tokens besides one.
func (d *Directory) others(key string) (int, error) {
	n := 0
	for _, prefix := range []string{userPrefix, tokenPrefix} {
		found, err := d.settings.Settings(prefix)
		if err != nil {
			return 0, err
		}
		delete(found, key)
		n += len(found)
	}
	return n, nil
}

// administrators are the keys of users and of tokens that do not end who may do
// everything, one left out; and how many users there are.
func (d *Directory) administrators(without string) (map[string]bool, int, error) {
	users, err := d.Users()
	if err != nil {
		return nil, 0, err
	}
	tokens, err := d.Tokens()
	if err != nil {
		return nil, 0, err
	}
	left := map[string]bool{}
	for _, u := range users {
		left[userPrefix+u.Name] = u.Role == core.Administrator
	}
	for _, t := range tokens {
		left[tokenPrefix+t.ID] = t.Role == core.Administrator && t.Expires.IsZero()
	}
	delete(left, without)
	maps.DeleteFunc(left, func(_ string, is bool) bool { return !is })
	return left, len(users), nil
}

func (d *Directory) write(ctx context.Context, key string, v any, by string) error {
	value, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return d.settings.SetSetting(ctx, key, value, by)
}

// word is random text of n bytes, in letters, digits, dash and underscore.
func (d *Directory) word(n int) (string, error) {
	raw := make([]byte, n)
	if _, err := io.ReadFull(d.config.Random, raw); err != nil {
		return "", fmt.Errorf("random bytes: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}
