package main

import (
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
	"github.com/twinleaf-scan/twinleaf/sdk/plugintest"
)

func TestSettingsAreRefusedWithTheirPlace(t *testing.T) {
	const url = "https://receiver.example/in"
	for want, s := range map[string]Settings{
		"/url: not an address":                  {URL: "receiver.example"},
		"/url: carries a user name":             {URL: "https://me:pw@receiver.example/"},
		"/url: has a part after #":              {URL: url + "#x"},
		"/url: http to another machine":         {URL: "http://receiver.example/"},
		"/method: ":                             {URL: url, Method: "DELETE"},
		"/body: ":                               {URL: url, Body: "zip"},
		"/ca: holds no certificate":             {URL: url, CA: "x"},
		"/secret: not base64":                   {URL: url, Secret: "whsec_?"},
		"/secret: has 3 bytes":                  {URL: url, Secret: "whsec_YWJj"},
		"/previousSecret: ":                     {URL: url, PreviousSecret: secret},
		"/token: ":                              {URL: url, Token: "a\nb"},
		"/tokenHeader: there is no token":       {URL: url, TokenHeader: "X-Key"},
		"/tokenHeader: \"X Key\"":               {URL: url, Token: "t", TokenHeader: "X Key"},
		"/headers/X\nY: ":                       {URL: url, Headers: map[string]string{"X\nY": "z"}},
		"/headers/X: has characters":            {URL: url, Headers: map[string]string{"X": "a\r\nb: c"}},
		"/headers/authorization: is a secret":   {URL: url, Headers: map[string]string{"authorization": "x"}},
		"/headers/idempotency-key: the deliver": {URL: url, Headers: map[string]string{"idempotency-key": "x"}},
		"/headers/Webhook-Id: the deliver":      {URL: url, Headers: map[string]string{"Webhook-Id": "x"}},
		"/success: 404":                         {URL: url, Success: []int{404}},
		"/wait: ":                               {URL: url, Wait: -1},
	} {
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	good := Settings{URL: url, Method: "PUT", Body: "raw", Secret: secret, Token: "t", TokenHeader: "X-Key", Headers: map[string]string{"X": "y"}, Success: []int{202}, Wait: 5}
	for _, s := range []Settings{good, {URL: url}, {URL: "http://127.0.0.1:1/"}, {URL: "http://[::1]:1/"}, {URL: "http://receiver.example/", Plain: true}} {
		if err := s.Validate(); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
	if _, err := plugintest.Call[sdk.DeliverRequest, sdk.Receipt](t, component(deliver.Pause), sdk.OpDeliver, sdk.DeliverRequest{}, map[string]any{}); err == nil || !strings.Contains(err.Error(), "/url: is required") {
		t.Errorf("error = %v", err)
	}
}
