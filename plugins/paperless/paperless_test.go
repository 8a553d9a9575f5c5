package main

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk"
	lib "github.com/twinleaf-scan/twinleaf/sdk/deliver"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver/delivertest"
)

// each runs a story against both versions of the API.
func each(t *testing.T, story func(*testing.T, *standIn)) {
	for _, version := range []int{9, 10} {
		t.Run(fmt.Sprintf("API %d", version), func(t *testing.T) { story(t, newStandIn(t, version)) })
	}
}

func TestPaperlessGetsTheDocumentWithWhatItShallNote(t *testing.T) {
	each(t, func(t *testing.T, p *standIn) {
		s := p.settings()
		s.Correspondent, s.Type, s.StoragePath, s.Tags = "bank", "Letter", "Archive", []string{"scan", "Inbox"}
		receipt, err := send(t, request(t, "k", "text", "pdf"), s)
		if err != nil {
			t.Fatal(err)
		}
		if want := (sdk.Receipt{Location: p.URL + "/sub/documents/101", Detail: "document 101; left out: text"}); receipt != want {
			t.Errorf("receipt = %+v, want %+v", receipt, want)
		}
		got := p.docs[0]
		got.sum = ""
		want := doc{id: 101, file: "twinleaf-" + lib.ID("k") + "-1.pdf", title: "Rechnung Müller", tags: []string{"2", "1"}, kind: "1", from: "1", dir: "1"}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("document %+v\nwant %+v", got, want)
		}
	})
}

func TestANameIsMeantAsItIsWritten(t *testing.T) {
	each(t, func(t *testing.T, p *standIn) {
		for i, name := range []string{"Bank", "BANK", "bank"} {
			s := p.settings()
			s.Correspondent = name
			if _, err := send(t, request(t, name, "pdf"), s); err != nil {
				t.Fatal(err)
			}
			if got, want := p.docs[i].from, []string{"2", "1", "1"}[i]; got != want {
				t.Errorf("%s: correspondent %s, want %s", name, got, want)
			}
		}
	})
}

func TestARepetitionIsNoSecondDocument(t *testing.T) {
	each(t, func(t *testing.T, p *standIn) {
		for _, want := range []string{"document 101", "document 101, which came before", "document 101, which came before"} {
			receipt, err := send(t, request(t, "k", "pdf"), p.settings())
			if err != nil || receipt.Detail != want || receipt.Location != p.URL+"/sub/documents/101" {
				t.Errorf("receipt %+v, %v, want %q", receipt, err, want)
			}
		}
		if p.posts != 1 {
			t.Errorf("%d uploads, want 1", p.posts)
		}
	})
}

func TestAnUploadWhoseAnswerWasLostIsFoundAtWork(t *testing.T) {
	each(t, func(t *testing.T, p *standIn) {
		p.absent = true
		_, err := send(t, request(t, "k", "pdf"), p.settings())
		wantError(t, err, true, "no answer")
		receipt, err := send(t, request(t, "k", "pdf"), p.settings())
		if err != nil || receipt.Detail != "document 101" || p.posts != 1 {
			t.Errorf("receipt %+v, %v after %d uploads", receipt, err, p.posts)
		}
	})
}

func TestPaperlessMayTakeItsTime(t *testing.T) {
	each(t, func(t *testing.T, p *standIn) {
		p.looks = 15
		_, err := send(t, request(t, "k", "pdf"), p.settings())
		wantError(t, err, true, "not done with it after 20s", "not sent twice")
		receipt, err := send(t, request(t, "k", "pdf"), p.settings())
		if err != nil || receipt.Detail != "document 101" || p.posts != 1 {
			t.Errorf("receipt %+v, %v after %d uploads", receipt, err, p.posts)
		}
	})
}

func TestWhatPaperlessHasAlreadyIsDelivered(t *testing.T) {
	each(t, func(t *testing.T, p *standIn) {
		if _, err := send(t, request(t, "k", "pdf"), p.settings()); err != nil {
			t.Fatal(err)
		}
		again := request(t, "k", "pdf") // the same content, under another key
		again.Key = "other"
		receipt, err := send(t, again, p.settings())
		if err != nil || !strings.Contains(receipt.Detail, "had it already") || receipt.Location != p.URL+"/sub/documents/101" {
			t.Errorf("receipt %+v, %v", receipt, err)
		}
	})
}

func TestADatabaseThatSaysDuplicateHasNoDocument(t *testing.T) {
	const before = "x.pdf: The following error occurred while storing document x.pdf after parsing: "
	for _, words := range []string{
		`duplicate key value violates unique constraint "documents_document_archive_serial_number_key"`,
		`(1062, "Duplicate entry '135' for key 'archive_serial_number'")`,
	} {
		each(t, func(t *testing.T, p *standIn) {
			p.fails = before + words
			_, err := send(t, request(t, "k", "pdf"), p.settings())
			wantError(t, err, false, "was not consumed: "+p.fails, "retry")
		})
	}
}

func TestADuplicateMayBeOfNoDocumentInParticular(t *testing.T) {
	each(t, func(t *testing.T, p *standIn) {
		p.fails = "x.pdf: Not consuming x.pdf: It is a duplicate."
		receipt, err := send(t, request(t, "k", "pdf"), p.settings())
		if err != nil || !strings.Contains(receipt.Detail, "had it already") || receipt.Location != p.URL+"/sub" {
			t.Errorf("receipt %+v, %v", receipt, err)
		}
	})
}

func TestADocumentThatIsNotConsumedCanBeTriedAgain(t *testing.T) {
	each(t, func(t *testing.T, p *standIn) {
		p.fails = "twinleaf.pdf: the disk is on fire, " + token
		_, err := send(t, request(t, "k", "pdf"), p.settings())
		wantError(t, err, false, "was not consumed: twinleaf.pdf: the disk is on fire, ***", "retry")
		p.fails = ""
		if receipt, err := send(t, request(t, "k", "pdf"), p.settings()); err != nil || receipt.Detail != "document 102" {
			t.Errorf("receipt %+v, %v", receipt, err)
		}
	})
}

func TestPartsAreDocumentsOfTheirOwn(t *testing.T) {
	p := newStandIn(t, 9)
	receipt, err := send(t, request(t, "k", "pdf", "pdf"), p.settings())
	if err != nil || receipt.Detail != "document 101; document 102" || receipt.Location != p.URL+"/sub/documents/101" {
		t.Errorf("receipt %+v, %v", receipt, err)
	}
	if p.docs[1].title != "Rechnung Müller 2" {
		t.Errorf("title %q", p.docs[1].title)
	}
}

// wantError checks an error's fate and that its detail and remedy hold these words.
func wantError(t testing.TB, err error, temporary bool, words ...string) {
	t.Helper()
	delivertest.WantError(t, err, temporary, words, token)
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		change    func(*standIn, *Settings, *sdk.DeliverRequest)
		temporary bool
		words     []string
	}{
		"wrong token":     {func(_ *standIn, s *Settings, _ *sdk.DeliverRequest) { s.Token = "x" }, false, []string{"401", "token"}},
		"not allowed":     {func(p *standIn, _ *Settings, _ *sdk.DeliverRequest) { p.status = 403 }, false, []string{"403", "no, ***", "token"}},
		"broken":          {func(p *standIn, _ *Settings, _ *sdk.DeliverRequest) { p.status = 502 }, true, []string{"502"}},
		"too large":       {func(p *standIn, _ *Settings, _ *sdk.DeliverRequest) { p.status = 413 }, false, []string{"limit"}},
		"elsewhere":       {func(p *standIn, _ *Settings, _ *sdk.DeliverRequest) { p.status = 302 }, false, []string{"url"}},
		"wrong path":      {func(p *standIn, s *Settings, _ *sdk.DeliverRequest) { s.URL = p.URL }, false, []string{"404", "url"}},
		"unknown tag":     {func(_ *standIn, s *Settings, _ *sdk.DeliverRequest) { s.Tags = []string{"Nowhere"} }, false, []string{`no "Nowhere" among its tags`}},
		"no PDF":          {func(_ *standIn, _ *Settings, r *sdk.DeliverRequest) { r.Kinds[0] = "text" }, false, []string{"profile"}},
		"unknown signer":  {func(_ *standIn, s *Settings, _ *sdk.DeliverRequest) { s.CA = "" }, false, []string{"certificate", "ca"}},
		"nobody is there": {func(p *standIn, _ *Settings, _ *sdk.DeliverRequest) { p.Close() }, true, []string{"no answer"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newStandIn(t, 9)
			s, r := p.settings(), request(t, "k", "pdf")
			c.change(p, &s, &r)
			_, err := send(t, r, s)
			wantError(t, err, c.temporary, c.words...)
			if p.posts != 0 {
				t.Errorf("%d uploads", p.posts)
			}
		})
	}
}

func TestSettingsAreRefusedWithTheirPlace(t *testing.T) {
	good := Settings{URL: "https://paperless.example", Token: "t"}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Settings){
		"/url: not an address":   func(s *Settings) { s.URL = "paperless" },
		"/url: carries more":     func(s *Settings) { s.URL += "/?x=y" },
		"/url: http to another":  func(s *Settings) { s.URL = "http://paperless.example" },
		"/token: is no token":    func(s *Settings) { s.Token = "a b" },
		"/ca: ":                  func(s *Settings) { s.CA = "x" },
		"/wait: ":                func(s *Settings) { s.Wait = 4000 },
		"/tags: 51 tags are mor": func(s *Settings) { s.Tags = make([]string, 51) },
	} {
		s := good
		change(&s)
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}
