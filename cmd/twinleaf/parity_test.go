package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/parity"
	"github.com/twinleaf-scan/twinleaf/plugins/host"
)

func TestATimeZoneHasOneName(t *testing.T) {
	for zone, want := range map[string]string{
		"Europe/Berlin": "Europe/Berlin", "/usr/share/zoneinfo/Europe/Berlin": "Europe/Berlin", "../usr/share/zoneinfo/posix/Asia/Tokyo": "Asia/Tokyo",
		"Etc/UTC": "UTC", "UTC": "UTC", "/usr/share/zoneinfo/Etc/Zulu": "UTC", "Etc/GMT+1": "Etc/GMT+1", "CET-1CEST": "CET-1CEST",
	} {
		if got := zoneName(zone); got != want {
			t.Errorf("%s: got %s, want %s", zone, got, want)
		}
	}
	t.Setenv("TZ", ":America/New_York")
	if got := timeZone(); got != "America/New_York" {
		t.Errorf("got %s", got)
	}
}

// A program of the plug-in folder whose place a stored one takes is no second plug-in.
func TestAPluginIsNamedOnce(t *testing.T) {
	list := []host.Status{
		{Name: "pdf", Problem: "pdf 2.0.0 of the store\ntakes its place"},
		{Name: "pdf", Version: "2.0.0", Components: []host.Component{{Media: []string{"b", "a"}}, {Media: []string{"a"}}}},
		{Name: "zip", Problem: "it does\nnot start"},
	}
	got := pluginsOf(list)
	want := []parity.Plugin{{Name: "pdf", Version: "2.0.0", Media: []string{"a", "b"}}, {Name: "zip", Problem: "it does?not start"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// serverWith is the data folder of a server that has stopped, with settings in its journal.
func serverWith(t *testing.T, settings map[string]string) string {
	t.Helper()
	data := t.TempDir()
	log, err := journal.Open(t.Context(), journal.Config{Dir: filepath.Join(data, "journal"), Writer: "a"})
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range settings {
		e := core.Event{At: time.Unix(1, 0), Body: core.SettingChanged{Key: key, Revision: 4, Value: []byte(value), User: "ann"}}
		if _, err := log.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestTheManifestHasTheSettingsOfTheJournal(t *testing.T) {
	data := serverWith(t, map[string]string{
		"destination/web": `{"plugin":"webhook","settings":{"token":{"sealed":"v1:abcd"}}}`, "profile/office": `{"languages":["deu"]}`,
	})
	found, err := readSettings(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	got := settingsOf(found)
	if len(got) != 2 || got[0].Key != "destination/web" || got[0].Plugin != "webhook" || got[0].Revision != 4 || got[0].User != "ann" || got[1].Plugin != "" {
		t.Fatalf("got %+v", got)
	}
	if raw, _ := json.Marshal(got); strings.Contains(string(raw), "abcd") {
		t.Errorf("the manifest has a sealed secret: %s", raw)
	}
	other, err := readSettings(t.Context(), serverWith(t, map[string]string{"destination/web": `{"plugin":"webhook","settings":{"token":{"sealed":"v1:efgh"}}}`}))
	if err != nil || settingsOf(other)[0].Digest == got[0].Digest {
		t.Errorf("another secret has the same digest (%v)", err)
	}
}

func TestSettingsThatCannotBeReadAreNotKnown(t *testing.T) {
	if found, err := readSettings(t.Context(), t.TempDir()); err != nil || found == nil || len(found) > 0 {
		t.Errorf("a server that never ran: %v, %v", found, err)
	}
	data := serverWith(t, nil)
	log, err := journal.Open(t.Context(), journal.Config{Dir: filepath.Join(data, "journal")})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	found, err := readSettings(t.Context(), data)
	if err == nil || found != nil || !strings.Contains(err.Error(), "stop it first") {
		t.Errorf("a server that runs: %v, %v", found, err)
	}
	if settingsOf(nil) != nil {
		t.Error("settings that are not known are taken for none")
	}
}

// GS16: only a manifest that was made for the asking tells the clock over there.
func TestTheClockOfAManifestCountsOnlyWhenItIsFresh(t *testing.T) {
	m := parity.Manifest{Format: parity.Format, Product: "1", Server: parity.Server{Name: "beta"}, Zone: "UTC", Clock: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var head http.Header
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head = r.Header
		switch r.URL.Path {
		case "/live":
			w.Header().Set("Cache-Control", "no-store")
		case "/refused":
			w.WriteHeader(http.StatusForbidden)
		}
		_, _ = w.Write(raw)
	}))
	defer s.Close()
	file := filepath.Join(t.TempDir(), "beta.json")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	a := &app{token: "secret"}
	for where, counts := range map[string]bool{s.URL + "/live": true, s.URL + "/stored": false, file: false} {
		got, at, err := a.otherManifest(t.Context(), where, false)
		if err != nil || got.Server.Name != "beta" || got.Clock.IsZero() == counts || counts && time.Since(at).Abs() > time.Minute {
			t.Errorf("%s: got %+v at %v (%v)", where, got, at, err)
		}
	}
	if head.Get("Authorization") != "Bearer secret" {
		t.Errorf("asked with %v", head)
	}
	if _, _, err := a.otherManifest(t.Context(), s.URL+"/refused", false); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("got %v", err)
	}
	s.Close()
	if _, _, err := a.otherManifest(t.Context(), s.URL, false); code(err) != exitUnreachable {
		t.Errorf("got %v, exit %d", err, code(err))
	}
}

func TestParityNeedsToKnowWithWhat(t *testing.T) {
	for _, args := range [][]string{{"parity", "a", "b"}, {"parity", "--self", "a"}} {
		if exit, _, stderr := typed(t, "", args...); exit != exitUsage || !strings.Contains(stderr, "--self") {
			t.Errorf("%v: exit %d, %s", args, exit, stderr)
		}
	}
	if exit, _, stderr := typed(t, "{}", "parity", "-"); exit != exitFailed || !strings.Contains(stderr, "no manifest") || !strings.Contains(stderr, "hint: ") {
		t.Errorf("exit %d, %s", exit, stderr)
	}
}
