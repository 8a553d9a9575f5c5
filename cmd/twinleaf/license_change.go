package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/license"
)

// codeLicense is the code of what is wrong with a licence that somebody activates.
const codeLicense = "license"

// License tells how the licence stands.
func (l *licensing) License(context.Context) (api.License, error) { return l.view() }

// Activate puts a licence in force: that of a file, which is kept, or one that was kept
// before.
func (l *licensing) Activate(_ context.Context, a api.Activation) (api.License, error) {
	if (a.Key == "") == (a.File == "") {
		return api.License{}, core.Refuse(core.CodeBadRequest, "give one of key and file", "there is not exactly one licence to activate")
	}
	shelf, err := l.open()
	if err != nil {
		return api.License{}, err
	}
	key, err := l.imported(shelf, a)
	if err == nil {
		err = l.secondPrimary(key)
	}
	if err == nil {
		_, err = shelf.Activate(key, l.now())
	}
	if err != nil {
		return api.License{}, licenseFailure(err)
	}
	l.again()
	return l.view()
}

// secondPrimary refuses the role 03 while the other server of the pair is known to have it
// in force (GS12). One that is gone does not count: a secondary may be made the primary in
// its place.
func (l *licensing) secondPrimary(key license.Key) error {
	p := l.peer()
	if key.Role() != license.Primary || p.role != license.Primary {
		return nil
	}
	return fmt.Errorf("%s is active as the primary (03), and a pair has one: %s is not activated\nhint: "+
		"run \"twinleaf deactivate\" on %s first; this server knows of it within half a minute", p.name, key, p.name)
}

// imported is the key of the licence that is wanted. A public key is trusted only when it
// has signed the licence that came with it.
func (l *licensing) imported(shelf *license.Shelf, a api.Activation) (license.Key, error) {
	if a.File == "" {
		if a.Trust != "" {
			if err := shelf.Trust(a.Trust); err != nil {
				return "", err
			}
		}
		return license.ParseKey(strings.TrimSpace(a.Key))
	}
	if a.Trust != "" {
		if _, err := license.Read([]byte(a.File), a.Trust); err != nil {
			return "", err
		}
		if err := shelf.Trust(a.Trust); err != nil {
			return "", err
		}
	}
	signed, err := shelf.Import([]byte(a.File))
	return signed.Key, err
}

// Deactivate takes the licence out of force. Its file stays.
func (l *licensing) Deactivate(context.Context) (api.License, error) {
	shelf, err := l.open()
	if err != nil {
		return api.License{}, err
	}
	if _, err := shelf.Deactivate(); err != nil {
		return api.License{}, licenseFailure(err)
	}
	l.again()
	return l.view()
}

// licenseFailure tells people what to do about a licence that cannot be activated.
func licenseFailure(err error) error {
	text, hint, _ := strings.Cut(err.Error(), "\nhint: ")
	switch {
	case hint != "":
	case errors.Is(err, license.ErrUntrusted):
		hint = "get the signer's public key from whom you trust, then: twinleaf activate FILE --trust PUBLICKEY"
	case errors.Is(err, license.ErrNone):
		hint = `see "twinleaf license show"`
	default:
		hint = "ask whoever issued the licence for another one"
	}
	return core.Refuse(codeLicense, hint, "%s", text)
}

// metric is the state's code at the moment.
func (l *licensing) metric() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "twinleaf_license_state",
		Help: "State of the licence: 800000 valid, 800001 near expiry, 800002 expired or not yet valid, 800005 none or key missing, 800006 unknown.",
	}, func() float64 { return float64(l.look().code) })
}

// licenseFinding is the doctor's line about the licence.
func licenseFinding(c config) finding {
	const what = "licence"
	s := newLicensing(c.Data, nil, nil).look()
	if s.none {
		return good(what, "none; one server needs none")
	}
	found := s.code.Text()
	if s.signed.Key != "" {
		found = string(s.signed.Key) + ", " + roleWord(s.signed.Key) + ", " + found
	}
	if len(s.problems) == 0 {
		return good(what, "%s", found)
	}
	worst := s.problems[len(s.problems)-1]
	return warn(what, found+": "+worst.Message+" "+worst.Cause, worst.Remedy)
}
