package client

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/twinleaf-scan/twinleaf/console/api"
)

func TestAUsedSessionLivesOn(t *testing.T) {
	var seen []string
	hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization"))
		if len(seen) == 1 {
			w.Header().Set(api.RenewedHeader, "tws_newer")
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"jobs":[]}`))
	}))
	defer hs.Close()
	c, err := New(Config{Servers: []string{hs.URL}, Token: "tws_old"})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := c.Jobs(t.Context(), api.Query{}); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"Bearer tws_old", "Bearer tws_newer", "Bearer tws_newer"}; !slices.Equal(seen, want) {
		t.Errorf("got %q, want %q", seen, want)
	}
}
