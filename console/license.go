package console

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/twinleaf-scan/twinleaf/console/api"
)

// Licensing is the licence of this server.
type Licensing interface {
	License(context.Context) (api.License, error)
	Activate(context.Context, api.Activation) (api.License, error)
	Deactivate(context.Context) (api.License, error)
}

type licenseOutput struct{ Body api.License }

func (s *Server) license(ctx context.Context, tried string, ask func(Licensing) (api.License, error)) (*licenseOutput, error) {
	if s.parts.Licensing == nil {
		return nil, missing("its licences")
	}
	l, err := ask(s.parts.Licensing)
	if err != nil {
		return nil, s.problemOf(ctx, tried, err)
	}
	return &licenseOutput{l}, nil
}

func (s *Server) routeLicense(a huma.API) {
	operation(a, "get-license", http.MethodGet, "/v1/license", "The licence in force and how it stands",
		func(ctx context.Context, _ *struct{}) (*licenseOutput, error) {
			return s.license(ctx, "look at the licence", func(l Licensing) (api.License, error) { return l.License(ctx) })
		})
	operation(a, "activate-license", http.MethodPost, "/v1/license", "Put a licence in force",
		func(ctx context.Context, in *struct{ Body api.Activation }) (*licenseOutput, error) {
			return s.license(ctx, "activate the licence", func(l Licensing) (api.License, error) { return l.Activate(ctx, in.Body) })
		})
	operation(a, "deactivate-license", http.MethodDelete, "/v1/license", "Take the licence out of force; its file stays",
		func(ctx context.Context, _ *struct{}) (*licenseOutput, error) {
			return s.license(ctx, "deactivate the licence", func(l Licensing) (api.License, error) { return l.Deactivate(ctx) })
		})
}
