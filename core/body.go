package core

// The name of an event is the name of its type: in the journal, in logs, in
// metrics and in the API.

func (JobSubmitted) Type() string      { return "JobSubmitted" }
func (StageStarted) Type() string      { return "StageStarted" }
func (DocumentIngested) Type() string  { return "DocumentIngested" }
func (PageRasterized) Type() string    { return "PageRasterized" }
func (PageCleaned) Type() string       { return "PageCleaned" }
func (PageRecognized) Type() string    { return "PageRecognized" }
func (DocumentAssembled) Type() string { return "DocumentAssembled" }
func (Delivered) Type() string         { return "Delivered" }
func (StageFailed) Type() string       { return "StageFailed" }
func (JobHeld) Type() string           { return "JobHeld" }
func (JobReleased) Type() string       { return "JobReleased" }
func (JobCancelled) Type() string      { return "JobCancelled" }
func (JobRetried) Type() string        { return "JobRetried" }
func (SettingChanged) Type() string    { return "SettingChanged" }
func (TakeoverBegan) Type() string     { return "TakeoverBegan" }
func (HandedBack) Type() string        { return "HandedBack" }
func (ModeChanged) Type() string       { return "ModeChanged" }
func (Snapshot) Type() string          { return "Snapshot" }

func (DocumentIngested) result()  {}
func (PageRasterized) result()    {}
func (PageCleaned) result()       {}
func (PageRecognized) result()    {}
func (DocumentAssembled) result() {}
func (Delivered) result()         {}
