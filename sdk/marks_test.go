package sdk

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestTagsOfSettingsReachTheSchema(t *testing.T) {
	type account struct {
		Password string `json:"password" secret:"true"`
	}
	type settings struct {
		URL      string    `json:"url" grant:"net"`
		Mirrors  []string  `json:"mirrors,omitempty" grant:"net"`
		Files    string    `json:"files,omitempty" grant:"host"`
		Dir      string    `json:"dir,omitempty" grant:"write"`
		Plain    string    `json:"plain,omitempty"`
		Accounts []account `json:"accounts,omitempty"`
	}
	s := settingsOf[settings]()
	if s.err != nil {
		t.Fatal(s.err)
	}
	raw, err := json.Marshal(s.schema)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"url":{"type":"string","x-grant":"net"}`, `"dir":{"type":"string","x-grant":"write"}`,
		`"plain":{"type":"string"}`, `"password":{"type":"string","writeOnly":true}`, `"files":{"type":"string","x-grant":"host"}`, `"x-grant":"net"},"files"`,
	} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("the schema misses %s:\n%s", want, raw)
		}
	}
}

func TestWrongTagsOfSettingsAreRefused(t *testing.T) {
	type unknown struct {
		Dir string `json:"dir" grant:"everything"`
	}
	type number struct {
		PIN int `json:"pin" secret:"true"`
	}
	type maybe struct {
		PIN string `json:"pin" secret:"yes"`
	}
	for want, err := range map[string]error{
		"none of net, host and write": settingsOf[unknown]().err, "only a string": settingsOf[number]().err, "the only value is true": settingsOf[maybe]().err,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want … %s …", err, want)
		}
	}
}
