package console

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// visited is a server in a pair, whose door knows sessions by their person's name.
type visited struct {
	*backend
	asked []core.Origin
	ended []string
	why   *core.Failure // against everybody without a cause
}

// named gives the sessions of a door ids.
type named struct{ *door }

func (n named) Identify(text string) (Identity, error) {
	id, err := n.door.Identify(text)
	if id.Session != nil {
		id.Session.ID = "id-of-" + id.Session.User
	}
	return id, err
}

func newVisited(t *testing.T, closed bool) (*visited, string) {
	t.Helper()
	v := &visited{backend: newBackend()}
	d := &door{closed: closed}
	p := v.parts()
	p.Access, p.Sessions = named{d}, d
	p.Active = func() string { return "https://north:8080" }
	p.SessionEnded = func(id string) { v.ended = append(v.ended, id) }
	p.Admit = func(_ context.Context, o core.Origin) *core.Failure {
		v.asked = append(v.asked, o)
		if o.Failover != "" {
			return nil
		}
		return v.why
	}
	s, err := New(Config{}, p)
	if err != nil {
		t.Fatal(err)
	}
	return v, serveParts(t, s)
}

func TestSubmissionSaysHowItCame(t *testing.T) {
	v, url := newVisited(t, false)
	for _, c := range []struct {
		head []string
		want core.Origin
	}{
		{nil, core.Origin{}},
		{[]string{api.SessionHeader, "AB-c_1.2"}, core.Origin{Session: "AB-c_1.2"}},
		{[]string{api.FailoverHeader, "network"}, core.Origin{Failover: "network"}},
		{[]string{api.FailoverHeader, "maintenance", api.SessionHeader, strings.Repeat("s", 64)}, core.Origin{Failover: "maintenance", Session: strings.Repeat("s", 64)}},
	} {
		if code, _, body := ask(t, "POST", url+"/v1/jobs", "scan", c.head...); code != 201 {
			t.Fatalf("%q: got %d %s, want 201", c.head, code, body)
		}
		if got := v.received[len(v.received)-1].Origin; got != c.want {
			t.Errorf("%q: got %+v, want %+v", c.head, got, c.want)
		}
	}
}

func TestHeadersThatMeanNothingAreRefused(t *testing.T) {
	v, url := newVisited(t, false)
	for _, head := range [][]string{
		{api.FailoverHeader, "Network"}, {api.FailoverHeader, "network, web"}, {api.FailoverHeader, "operator"},
		{api.SessionHeader, strings.Repeat("s", 65)}, {api.SessionHeader, "login/id-of-ada"}, {api.SessionHeader, "a b"}, {api.SessionHeader, "é"},
	} {
		code, _, body := ask(t, "POST", url+"/v1/jobs", "scan", head...)
		if code != 400 || !strings.Contains(body, core.CodeBadRequest) || !strings.Contains(body, "remedy") {
			t.Errorf("%q: got %d %s, want 400 with a remedy", head, code, body)
		}
	}
	rq, err := http.NewRequestWithContext(t.Context(), "POST", url+"/v1/jobs", strings.NewReader("scan"))
	if err != nil {
		t.Fatal(err)
	}
	rq.Header[api.FailoverHeader] = []string{"network", "web"}
	resp, err := http.DefaultClient.Do(rq)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 400 {
		t.Errorf("two causes: got %d, want 400", resp.StatusCode)
	}
	if len(v.received) > 0 || len(v.asked) > 0 {
		t.Errorf("received %d submissions, asked about %d; want none", len(v.received), len(v.asked))
	}
}

// TestAPersonIsOneSession is GS6's session: a person who logged in, not each of their programs.
func TestAPersonIsOneSession(t *testing.T) {
	v, url := newVisited(t, true)
	ada := []string{"Authorization", "Bearer session-ada-submitter"}
	for _, program := range []string{"p1", "p2"} {
		if code, _, body := ask(t, "POST", url+"/v1/jobs", "scan "+program, append(ada, api.SessionHeader, program)...); code != 201 {
			t.Fatalf("got %d %s, want 201", code, body)
		}
		if got := v.received[len(v.received)-1].Origin.Session; got != "login/id-of-ada" {
			t.Errorf("program %s: got session %q, want the person's", program, got)
		}
	}
	ask(t, "POST", url+"/v1/jobs", "scan", "Authorization", "Bearer scanner-submitter", api.SessionHeader, "p3")
	if got := v.received[len(v.received)-1].Origin.Session; got != "p3" {
		t.Errorf("a machine's token: got session %q, want its own, p3", got)
	}
	for _, token := range []string{"scanner-submitter", "session-eve-nobody", "session-ada-submitter", "session-ada-submitter"} {
		ask(t, "DELETE", url+"/v1/session", "", "Authorization", "Bearer "+token)
	}
	if want := []string{"login/id-of-ada"}; !slices.Equal(v.ended, want) {
		t.Errorf("ended: got %q, want %q", v.ended, want)
	}
}

// A standby asks who knows, before the scan travels, and says where to go instead.
func TestStandbySendsOnWhoIsNotNeeded(t *testing.T) {
	v, url := newVisited(t, false)
	v.health.Mode = core.Item{State: "standby"}
	v.why = &core.Failure{Code: api.CodeStandby, Detail: `server "south" is the standby`, Remedy: "submit to north", Permanent: true}

	code, head, body := ask(t, "POST", url+"/v1/jobs", "scan", api.SessionHeader, "p1")
	if code != 503 || head.Get(api.ActiveHeader) != "https://north:8080" || !strings.Contains(body, `"code":"standby"`) {
		t.Errorf("got %d %s, %s %q; want 503, standby and where to go", code, body, api.ActiveHeader, head.Get(api.ActiveHeader))
	}
	if len(v.blobs) > 0 {
		t.Error("the scan was read before it was turned away")
	}
	for _, cause := range api.FailoverCauses() {
		if code, _, body := ask(t, "POST", url+"/v1/jobs", "scan", api.FailoverHeader, cause); code != 201 {
			t.Errorf("%s: got %d %s, want 201", cause, code, body)
		}
	}
	want := []core.Origin{{Session: "p1"}, {Failover: "network"}, {Failover: "web"}, {Failover: "data"}, {Failover: "maintenance"}}
	if !slices.Equal(v.asked, want) {
		t.Errorf("asked about %+v, want %+v", v.asked, want)
	}
}

// What changes while the scan travels is told by the submission itself.
func TestStandbyThatBecameOneMeanwhile(t *testing.T) {
	v, url := newVisited(t, false)
	v.submit = &core.Failure{Code: api.CodeStandby, Detail: "the standby", Remedy: "submit to north", Permanent: true}
	code, head, _ := ask(t, "POST", url+"/v1/jobs", "scan")
	if code != 503 || head.Get(api.ActiveHeader) == "" {
		t.Errorf("got %d, %s %q; want 503 and where to go", code, api.ActiveHeader, head.Get(api.ActiveHeader))
	}
	v.submit = &core.Failure{Code: core.CodeMaintenance, Detail: "maintenance"}
	code, head, _ = ask(t, "POST", url+"/v1/jobs", "scan")
	if code != 503 || head.Get(api.ActiveHeader) != "" {
		t.Errorf("maintenance: got %d, %s %q; want 503 alone", code, api.ActiveHeader, head.Get(api.ActiveHeader))
	}
}

// TestServerInMaintenanceSaysWhereToGo is GS30: the pair knows it, the health alone does not.
func TestServerInMaintenanceSaysWhereToGo(t *testing.T) {
	for _, knows := range []bool{true, false} {
		v, url := newVisited(t, false)
		v.health.Mode = core.Item{State: "maintenance"}
		want := "again in a moment"
		if knows {
			v.why = &core.Failure{Code: core.CodeMaintenance, Detail: "in maintenance", Remedy: "submit to south"}
			want = "submit to south"
		}
		code, _, body := ask(t, "POST", url+"/v1/jobs", "scan")
		if code != 503 || !strings.Contains(body, `"code":"maintenance"`) || !strings.Contains(body, want) {
			t.Errorf("got %d %s, want 503 maintenance, %q", code, body, want)
		}
	}
}

func TestServiceThatIsDownIsToldBeforeWhoComes(t *testing.T) {
	for _, c := range []struct {
		data, mode, code string
	}{
		{"down", "standby", core.CodeDataDown}, {"down", "active", core.CodeDataDown}, {"up", "draining", core.CodeMaintenance},
	} {
		v, url := newVisited(t, false)
		v.health.Data, v.health.Mode = core.Item{State: c.data}, core.Item{State: c.mode}
		code, _, body := ask(t, "POST", url+"/v1/jobs", "scan", api.FailoverHeader, "network")
		if code != 503 || !strings.Contains(body, `"code":"`+c.code+`"`) || len(v.asked) > 0 {
			t.Errorf("data %s, mode %s: got %d %s, want 503 %s", c.data, c.mode, code, body, c.code)
		}
	}
}
