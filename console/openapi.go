package console

import (
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/twinleaf-scan/twinleaf/console/api"
)

// describeStreams documents the endpoints whose bodies are streams; the framework
// knows only the typed ones.
func describeStreams(a huma.API) {
	o := a.OpenAPI()
	o.AddOperation(describeSubmit(a))
	o.AddOperation(&huma.Operation{
		OperationID: "watch-job", Method: "GET", Path: "/v1/jobs/{id}/events",
		Summary:     "Follow a job by server-sent events",
		Description: "Begins with the job as it is (event \"job\"), then one event for everything that happens to it; ends with the job. Last-Event-ID goes on where a client stopped; 204 then means that there is nothing more.",
		Parameters:  []*huma.Param{pathParam("id", "Job id"), headerParam("Last-Event-ID", "seq of the last event seen")},
		Responses: answers(a, map[int]*huma.Response{
			200: {Description: "Events", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: schemaOf[api.Event](a)}}},
			204: {Description: "The job has ended and everything was seen"},
		}),
	})
	o.AddOperation(&huma.Operation{
		OperationID: "get-output", Method: "GET", Path: "/v1/jobs/{id}/outputs/{kind}",
		Summary: "Fetch what a job made",
		Parameters: []*huma.Param{pathParam("id", "Job id"), pathParam("kind", "pdf, text, hocr, alto, manifest or original"),
			queryParam("part", "Of a job that was split: which of its parts, from 1")},
		Responses: answers(a, map[int]*huma.Response{
			200: {Description: "The file; ETag is its SHA-256, ranges are taken", Content: binary("application/octet-stream")},
		}),
	})
	o.AddOperation(&huma.Operation{
		OperationID: "readyz", Method: "GET", Path: "/readyz", Summary: "Whether new jobs are taken, and if not, why",
		Responses: map[string]*huma.Response{
			"200": {Description: "Ready", Content: jsonBody[api.Health](a)},
			"503": {Description: "Not now; cause says why", Content: jsonBody[api.Health](a)},
		},
	})
	o.AddOperation(&huma.Operation{
		OperationID: "get-peer-lock", Method: "GET", Path: "/v1/pair/plugins", Summary: "Which plug-ins were added to the other server",
		Responses: answers(a, map[int]*huma.Response{200: {Description: "Its plugins.lock", Content: map[string]*huma.MediaType{"text/plain": {}}}}),
	})
	o.AddOperation(&huma.Operation{
		OperationID: "get-peer-plugin", Method: "GET", Path: "/v1/pair/plugins/{digest}", Summary: "Fetch a plug-in that was added to the other server",
		Parameters: []*huma.Param{pathParam("digest", "As the lock names it, percent-encoded")},
		Responses:  answers(a, map[int]*huma.Response{200: {Description: "The archive; hold it against the lock", Content: binary("application/zip")}}),
	})
	o.AddOperation(plain("healthz", "/healthz", "Whether the process answers", "application/json"))
	o.AddOperation(plain("metrics", "/metrics", "Numbers for Prometheus", "text/plain"))
}

func plain(id, path, summary, media string) *huma.Operation {
	return &huma.Operation{
		OperationID: id, Method: "GET", Path: path, Summary: summary,
		Responses: map[string]*huma.Response{"200": {Description: summary, Content: map[string]*huma.MediaType{media: {}}}},
	}
}

func describeSubmit(a huma.API) *huma.Operation {
	text := &huma.Schema{Type: huma.TypeString}
	return &huma.Operation{
		OperationID: "submit-job", Method: "POST", Path: "/v1/jobs", Summary: "Submit a scan",
		Description: "The body is the scan itself, or a form whose parts with a filename are the scan's files in page order. The answer comes when the job is durable.",
		Parameters: []*huma.Param{
			headerParam("Idempotency-Key", "At most 255 bytes. Sent again with the same scan it gives the same job; with another scan 409"),
			headerParam("X-Filename", "Name of a raw body, percent-encoded; Content-Disposition serves too"),
			queryParam("profile", "Profile; default \"default\""), queryParam("lang", "Languages, e.g. eng+deu"),
			queryParam("name", "Name of the document"), queryParam("destination", "Destinations, separated by commas"),
		},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/octet-stream": binary("")[""],
			"multipart/form-data": {Schema: &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{
				"file":    {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
				"profile": text, "lang": text, "name": text, "destination": text,
			}}},
		}},
		Responses: answers(a, map[int]*huma.Response{
			201: {Description: "The job is durable; duplicate says that the Idempotency-Key was seen before and this is that job", Content: jsonBody[api.Accepted](a)},
			409: problemResponse(a), 413: problemResponse(a), 503: problemResponse(a),
		}),
	}
}

func answers(a huma.API, m map[int]*huma.Response) map[string]*huma.Response {
	out := map[string]*huma.Response{"default": problemResponse(a)}
	for code, r := range m {
		out[strconv.Itoa(code)] = r
	}
	return out
}

func schemaOf[T any](a huma.API) *huma.Schema {
	t := reflect.TypeFor[T]()
	return a.OpenAPI().Components.Schemas.Schema(t, true, t.Name())
}

func jsonBody[T any](a huma.API) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"application/json": {Schema: schemaOf[T](a)}}
}

func binary(media string) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{media: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}
}

func pathParam(name, doc string) *huma.Param { return param(name, "path", doc, true) }

func headerParam(name, doc string) *huma.Param { return param(name, "header", doc, false) }

func queryParam(name, doc string) *huma.Param { return param(name, "query", doc, false) }

func param(name, in, doc string, required bool) *huma.Param {
	return &huma.Param{Name: name, In: in, Description: doc, Required: required, Schema: &huma.Schema{Type: huma.TypeString}}
}
