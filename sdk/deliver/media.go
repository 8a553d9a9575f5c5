package deliver

import "github.com/twinleaf-scan/twinleaf/sdk"

// Media is the media type of a request's file of a kind.
func Media(f sdk.File, kind string) string {
	if f.Media != "" {
		return f.Media
	}
	switch kind {
	case "pdf", "original":
		return "application/pdf"
	case "text":
		return "text/plain; charset=utf-8"
	case "hocr":
		return "text/html; charset=utf-8"
	case "alto":
		return "application/xml"
	case "manifest":
		return "application/json"
	}
	return "application/octet-stream"
}
