package main

import (
	"cmp"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// task is a task of paperless, in the forms of its API versions 9 and 10.
type task struct {
	ID     string `json:"task_id"`
	Status string `json:"status"` // upper case in version 9, lower case in 10

	// Version 9.
	File    string          `json:"task_file_name"`
	Result  json.RawMessage `json:"result"`           // text
	Related json.RawMessage `json:"related_document"` // an id as text or number

	// Version 10.
	Input struct {
		File string `json:"filename"`
	} `json:"input_data"`
	Message    string `json:"result_message"`
	RelatedIDs []int  `json:"related_document_ids"`
	Data       struct {
		Document  int    `json:"document_id"`
		Duplicate int    `json:"duplicate_of"`
		Error     string `json:"error_message"`
	} `json:"result_data"`
}

// Ends of a task; anything else is still at work.
const (
	taskRuns = iota
	taskDone
	taskFailed
)

func (t *task) end() int {
	switch strings.ToLower(t.Status) {
	case "success":
		return taskDone
	case "failure", "revoked":
		return taskFailed
	}
	return taskRuns
}

func (t *task) file() string { return cmp.Or(t.File, t.Input.File) }

// document is the id of the task's document; 0: it does not say.
func (t *task) document() int {
	if id, err := strconv.Atoi(strings.Trim(string(t.Related), `"`)); err == nil {
		return id
	}
	if len(t.RelatedIDs) > 0 {
		return t.RelatedIDs[0]
	}
	return t.Data.Document
}

// words are what paperless says of the end.
func (t *task) words() string {
	var result string
	_ = json.Unmarshal(t.Result, &result) // some versions put other things there
	return cmp.Or(result, t.Message, t.Data.Error)
}

// isDuplicate is how paperless says that it has a document. A database says duplicate,
// too, when it refuses a number that is taken: that document was not kept.
const isDuplicate = "is a duplicate"

// duplicate is the id of the document that paperless has already, if that is why it
// did not take this one; -1 where it does not say which.
func (t *task) duplicate() (id int, yes bool) {
	if t.Data.Duplicate != 0 {
		return t.Data.Duplicate, true
	}
	words := t.words()
	if !strings.Contains(strings.ToLower(words), isDuplicate) {
		return 0, false
	}
	if m := regexp.MustCompile(`\(#(\d{1,9})\)`).FindStringSubmatch(words); m != nil {
		id, err := strconv.Atoi(m[1])
		return id, err == nil
	}
	return -1, true
}
