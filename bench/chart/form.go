package chart

import "html/template"

// head begins a chart. Its own colours do on white and on black; where the reader's screen
// is dark, the text is light.
const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{.Width}} {{.Height}}" width="{{.Width}}" height="{{.Height}}" role="img" aria-label="{{.Title}}" font-family="sans-serif" font-size="{{.Size}}" fill="#57606a">
<style>@media (prefers-color-scheme: dark) { svg { fill: #b1bac4 } }</style>
<text x="8" y="20" font-size="14" font-weight="bold">{{.Title}}</text>
`

var barsForm = template.Must(template.New("bars").Parse(head + `{{$left := .Left}}{{$label := .Label}}{{$foot := .Foot}}{{$below := .Below -}}
{{range .Ticks}}<line x1="{{.At}}" x2="{{.At}}" y1="30" y2="{{$foot}}" stroke="#8c959f" stroke-opacity="0.35"/>
<text x="{{.At}}" y="{{$below}}" text-anchor="middle">{{.Text}}</text>
{{end}}{{range .Notes}}<text x="8" y="{{.Y}}" font-size="11">{{.Text}}</text>
{{end}}{{range .Rows}}<text x="{{$label}}" y="{{.Y}}" text-anchor="end" dominant-baseline="central">{{.Label}}</text>
<rect x="{{$left}}" y="{{.Y}}" width="{{.Long}}" height="16" transform="translate(0,-8)" fill="{{.Fill}}"/>
<text x="{{.Text}}" y="{{.Y}}" dominant-baseline="central">{{.Shown}}</text>
{{end}}</svg>
`))

var planeForm = template.Must(template.New("plane").Parse(head + `{{$f := . -}}
{{range .YTicks}}<line x1="{{$f.Left}}" x2="{{$f.Right}}" y1="{{.At}}" y2="{{.At}}" stroke="#8c959f" stroke-opacity="0.35"/>
<text x="{{$f.Before}}" y="{{.At}}" text-anchor="end" dominant-baseline="central">{{.Text}}</text>
{{end}}{{range .XTicks}}<text x="{{.At}}" y="{{$f.Below}}" text-anchor="middle">{{.Text}}</text>
{{end}}{{range .Columns}}<rect x="{{.X}}" y="{{.Y}}" width="{{.Wide}}" height="{{.High}}" fill="{{$f.Fill}}"/>
{{if .Label}}<text x="{{.Middle}}" y="{{$f.Below}}" text-anchor="middle">{{.Label}}</text>
{{end}}{{end}}{{range .Lines}}<polyline points="{{.Points}}" fill="none" stroke="{{.Fill}}" stroke-width="1.5"/>
<text x="{{.X}}" y="40" fill="{{.Fill}}">{{.Name}}</text>
{{end}}<text x="{{.Middle}}" y="{{.Foot}}" text-anchor="middle">{{.XName}}</text>
</svg>
`))

var pageForm = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style>
:root { color-scheme: light dark }
body { font: 15px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; margin: 1em 0 }
th, td { text-align: left; padding: .25em .9em .25em 0; border-bottom: 1px solid #8c959f55; vertical-align: top }
svg { display: block; max-width: 100%; height: auto; margin: 1.5em 0 }
</style>
</head>
<body>
<h1>{{.Title}}</h1>
{{range .Words}}<p>{{.}}</p>
{{end}}{{range .Tables}}<table>
{{with .Head}}<tr>{{range .}}<th>{{.}}</th>{{end}}</tr>
{{end}}{{range .Rows}}<tr>{{range .}}<td>{{.}}</td>{{end}}</tr>
{{end}}</table>
{{end}}{{range .Charts}}{{.}}
{{end}}</body>
</html>
`))
