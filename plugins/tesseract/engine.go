package main

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/otiai10/gosseract/v2"
	"golang.org/x/sys/unix"
)

// engine is the one Tesseract of the process. Its methods may be called from any
// goroutine; they wait for each other, for the library swaps the process's
// standard error while it loads a language.
type engine struct {
	mu     sync.Mutex        // guards what follows
	client *gosseract.Client // nil until the first use and after a failure
	loaded pack              // what client has loaded
	files  string            // the language packs as they were then
	rest   *time.Timer       // runs while no page is read
}

// restAfter is how long an engine waits for a page before it gives memory back that the next
// one would take anew: that costs milliseconds.
const restAfter = 5 * time.Second

// pack is what a client must be loaded anew for.
type pack struct {
	tessdata  string
	languages string // parted by +
}

// page is what the engine is asked to read.
type page struct {
	image        string  // path
	dpi          float64 // as the reader says; 0: unknown
	segmentation int
}

// answer is what it said.
type answer struct {
	hocr string
	cpu  time.Duration // of the engine's thread, recognition only
}

func newEngine() *engine {
	catchMessages()
	e := &engine{}
	e.rest = time.AfterFunc(restAfter, e.restNow)
	return e
}

// restNow gives back what the allocator keeps for the next page: it does so by itself only
// while there is work.
func (e *engine) restNow() {
	e.mu.Lock()
	defer e.mu.Unlock()
	purge()
}

// version is e.g. "tesseract 5.3.0, leptonica 1.82.0".
func (e *engine) version() string {
	lept := strings.ReplaceAll(leptonicaVersion(), "leptonica-", "leptonica ")
	return "tesseract " + gosseract.Version() + ", " + lept
}

// warmUp loads the default language, so that the first page finds it there. That
// it is not installed is for the first page to say.
func (e *engine) warmUp() {
	dir, err := tessdata(settings{})
	if err != nil || checkLanguages(dir, []string{"eng"}) != nil {
		return
	}
	_ = e.use(pack{dir, "eng"}, func(c *gosseract.Client) error {
		if err := c.SetImageFromBytes(whiteDot()); err != nil {
			return err
		}
		_, err := c.HOCRText()
		return err
	})
}

// whiteDot is the smallest page that the engine takes without complaint: 8 x 8
// white pixels as PBM.
func whiteDot() []byte { return []byte("P4\n8 8\n\x00\x00\x00\x00\x00\x00\x00\x00") }

// size reads width and height from the head of an image file.
func (e *engine) size(path string) (width, height int, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return imageSize(path)
}

// read recognises one page, exactly once.
func (e *engine) read(p pack, pg page) (a answer, err error) {
	err = e.use(p, func(c *gosseract.Client) error {
		a, err = read(c, pg)
		return err
	})
	return a, err
}

// use runs fn with a client for p, on a thread of its own. After an error or a
// panic the client is thrown away, so that the next page gets a fresh one.
func (e *engine) use(p pack, fn func(*gosseract.Client) error) (err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.rest.Stop()
	defer e.rest.Reset(restAfter)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	oneThread()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the engine panicked: %v", r)
		}
		if err != nil {
			e.drop()
		}
	}()
	if err := e.load(p); err != nil {
		return err
	}
	return fn(e.client)
}

// load makes the client one for p. The engine itself loads the language packs
// with the next page. A client whose packs were exchanged on disk is made anew, so that
// what a fingerprint says of the packs is true of the text.
func (e *engine) load(p pack) error {
	files := filesOf(p.tessdata)
	if e.client != nil && e.loaded.tessdata == p.tessdata && e.files != files {
		e.drop()
		forgetPacks()
	}
	if e.client != nil && e.loaded == p {
		return nil
	}
	if e.client == nil {
		e.client = gosseract.NewClient()
	}
	e.loaded, e.files = p, files
	withAmbiguities(oldRecognizer(p.tessdata))
	return errors.Join(
		e.client.SetTessdataPrefix(p.tessdata),
		e.client.SetLanguage(strings.Split(p.languages, "+")...),
		e.client.SetVariable(gosseract.DEBUG_FILE, "/dev/null"),
	)
}

func (e *engine) drop() {
	if e.client != nil {
		_ = e.client.Close()
	}
	e.client, e.loaded = nil, pack{}
}

func read(c *gosseract.Client, pg page) (answer, error) {
	takeMessages()
	if err := c.SetImage(pg.image); err != nil {
		return answer{}, fmt.Errorf("hand over the image: %w", err)
	}
	image := imageOf(c)
	if image == nil {
		return answer{}, &unreadable{takeMessages()}
	}
	if err := setVariables(c, pg.segmentation, layoutDPI(measure(image), pg.dpi)); err != nil {
		return answer{}, err
	}
	before := threadCPU()
	hocr, err := c.HOCRText()
	if err != nil {
		return answer{}, err
	}
	letGoOfAnswer()
	took := threadCPU() - before
	letGoOfImage(c)
	if hocr == "" {
		return answer{}, errors.New("the engine gave no answer" + because(takeMessages()))
	}
	return answer{hocr, took}, nil
}

// setVariables sets what may change from page to page. It is done by variables
// only, because those alone outlive the loading of other languages.
func setVariables(c *gosseract.Client, segmentation, dpi int) error {
	return errors.Join(
		c.SetVariable("tessedit_pageseg_mode", strconv.Itoa(segmentation)),
		c.SetVariable("user_defined_dpi", strconv.Itoa(dpi)),
	)
}

// unreadable says that an image file is there but cannot be decoded.
type unreadable struct{ message string }

func (u *unreadable) Error() string {
	return "leptonica cannot decode the image" + because(u.message)
}

// imageOf is leptonica's image that the client's SetImage found in the file. The
// client keeps a null pointer without an error where it found none, and would
// then recognise nothing.
func imageOf(c *gosseract.Client) unsafe.Pointer {
	return reflect.ValueOf(c).Elem().FieldByName("pixImage").UnsafePointer()
}

// threadCPU is the CPU time that the calling thread has used.
func threadCPU() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// packOf is the pack of languages in dir; the first language leads.
func packOf(dir string, languages []string) pack {
	unique := slices.Clone(languages)[:0]
	for _, l := range languages {
		if !slices.Contains(unique, l) {
			unique = append(unique, l)
		}
	}
	return pack{dir, strings.Join(unique, "+")}
}
