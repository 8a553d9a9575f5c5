package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/textproto"
	"strings"

	"github.com/wneessen/go-mail/smtp"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// explain says what went wrong in a conversation, whether time may heal it, and what a
// person can do.
func (t *talk) explain(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if own, ok := errors.AsType[*sdk.Error](err); ok {
		return own
	}
	e := &sdk.Error{Code: "destination", Detail: fmt.Sprintf("%s: %s", t.settings.Server, t.quote(say(err)))}
	e.Remedy, e.Temporary = verdict(err)
	if errors.Is(err, context.DeadlineExceeded) {
		e.Code = "timeout"
	}
	if _, answered := errors.AsType[*textproto.Error](err); t.sent && !answered {
		e.Detail += "; the message was sent and the server did not say whether it took it"
		e.Remedy = "it is sent again under the same Message-ID, <" + t.message.id + ">; recipients may see it twice"
	}
	return e
}

// say is an error's words; those of the server itself as it wrote them.
func say(err error) string {
	if answer, ok := err.(*textproto.Error); ok {
		return fmt.Sprintf("%d %s", answer.Code, answer.Msg)
	}
	return err.Error()
}

// verdict says what to do about an error, and whether time may heal it.
func verdict(err error) (remedy string, temporary bool) {
	if r, ok := errors.AsType[refusals](err); ok {
		return r.verdict()
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "renew the server's certificate, or set ca to the certificate of who signed it", false
	}
	if record, ok := errors.AsType[tls.RecordHeaderError](err); ok && record.Msg != "" {
		return "the server does not begin with TLS; set tls to starttls", false
	}
	if errors.Is(err, smtp.ErrUnencrypted) {
		return "set tls, so that the password may be sent", false
	}
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		return answerVerdict(answer.Code)
	}
	return "look whether the server runs and this machine reaches it; it is asked again", true
}

// answerVerdict is about the codes of RFC 5321, 4.2.3 and RFC 4954, 6.
func answerVerdict(code int) (remedy string, temporary bool) {
	switch code {
	case 530, 534, 535, 538:
		return "look at user, password and auth", false
	case 552:
		return "the message or the mailbox is too large for the server; let the profile deliver fewer kinds", false
	case 550, 551, 553, 554:
		return "look at from and at what this server lets it send", false
	}
	if code/100 == 4 {
		return "the server asks for patience; it is asked again", true
	}
	return "ask the server's people what this answer means", false
}

// verdict is for good as soon as one recipient is refused for good.
func (r refusals) verdict() (remedy string, temporary bool) {
	temporary = true
	var lost []string
	for _, e := range r {
		if answer, ok := errors.AsType[*textproto.Error](e.err); !ok || answer.Code/100 != 4 {
			temporary = false
			lost = append(lost, e.step)
		}
	}
	if temporary {
		return "nobody got the message yet; the server asks for patience and is asked again", true
	}
	return "nobody got the message; correct or remove " + strings.Join(lost, ", ") + ", then retry the job", false
}

// quote makes a stranger's words fit for a log, without the password in them.
func (t *talk) quote(s string) string {
	if t.settings.Password != "" {
		s = strings.ReplaceAll(s, t.settings.Password, "***")
	}
	return oneLine(s)
}
