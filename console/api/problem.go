package api

import (
	"fmt"
	"net/http"

	"github.com/twinleaf-scan/twinleaf/core"
)

// ProblemMedia is the media type of a Problem.
const ProblemMedia = "application/problem+json"

// Problem is an RFC 9457 problem: what went wrong, why, and what to do about it.
type Problem struct {
	Type   string `json:"type,omitempty" doc:"about:blank, or a URI of the kind of problem"`
	Title  string `json:"title,omitempty" doc:"The status in words"`
	Status int    `json:"status,omitempty" doc:"The HTTP status again"`
	Code   string `json:"code" doc:"A short word for programs"`
	Detail string `json:"detail" doc:"What was tried and why it failed"`
	Remedy string `json:"remedy,omitempty" doc:"What to do next"`
}

// Codes of problems that only the API has; the others are core's codes.
const (
	CodeUnauthorized = "unauthorized"
	CodeForbidden    = "forbidden"
	CodeEmpty        = "empty"
	CodeBusy         = "busy"
	CodeSlow         = "too-slow"
	CodeTooMany      = "too-many-tries"
)

// NewProblem is a problem with status, its title filled in.
func NewProblem(status int, code, remedy, format string, a ...any) *Problem {
	return &Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status,
		Code: code, Detail: fmt.Sprintf(format, a...), Remedy: remedy,
	}
}

// Failure is the problem as the rest of the program knows it.
func (p *Problem) Failure() *core.Failure {
	return &core.Failure{Code: p.Code, Detail: p.Detail, Remedy: p.Remedy, Permanent: p.Status < 500}
}

func (p *Problem) Error() string {
	if p.Remedy == "" {
		return p.Detail
	}
	return p.Detail + "\nhint: " + p.Remedy
}

// GetStatus is the HTTP status of the answer.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is [ProblemMedia], whatever was negotiated.
func (p *Problem) ContentType(string) string { return ProblemMedia }
