package link

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/twinleaf-scan/twinleaf/core/journal"
)

const (
	maxFrame    = journal.MaxEvent + 1024 // bytes of one: the event, and what a journal puts around it
	endOfFrames = 0                       // in place of a length: they are complete
	brokenOff   = 1<<32 - 1               // in place of a length: an error follows, its length first
	trusted     = 1 << 20                 // bytes that are made room for before they are there
	frameBuffer = 8 << 10                 // bytes read or written at once, of small frames
	frameExtra  = 4                       // bytes of a length
	maxShipped  = journal.MaxFrames + frameExtra*(journal.MaxBatch+1)
)

// writeFrame writes one frame.
func writeFrame(w io.Writer, frame []byte) error {
	if len(frame) == 0 || len(frame) > maxFrame {
		return fmt.Errorf("a frame of %d bytes: %w", len(frame), journal.ErrFrame)
	}
	if err := writeLength(w, uint32(len(frame))); err != nil {
		return err
	}
	_, err := w.Write(frame)
	return err
}

func writeLength(w io.Writer, n uint32) error {
	_, err := w.Write(binary.LittleEndian.AppendUint32(nil, n))
	return err
}

// writeFrames writes frames as they come, and then that they are complete or why not.
func writeFrames(w io.Writer, frames iter.Seq2[[]byte, error]) error {
	b := bufio.NewWriterSize(w, frameBuffer)
	for frame, err := range frames {
		if err == nil && (len(frame) == 0 || len(frame) > maxFrame) {
			err = fmt.Errorf("a frame of %d bytes: %w", len(frame), journal.ErrFrame)
		}
		if err != nil {
			return errors.Join(writeBroken(b, err), b.Flush())
		}
		if err := writeFrame(b, frame); err != nil {
			return err
		}
	}
	return errors.Join(writeLength(b, endOfFrames), b.Flush())
}

func writeBroken(w io.Writer, why error) error {
	raw := encodeError(why)
	err := errors.Join(writeLength(w, brokenOff), writeLength(w, uint32(len(raw))))
	if err == nil {
		_, err = w.Write(raw)
	}
	return err
}

// readFrames gives the frames one after the other. Their slices are the reader's to
// keep. It ends with an error unless they are complete and nothing follows them.
func readFrames(r io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		b := bufio.NewReaderSize(r, frameBuffer)
		for {
			frame, err := readFrame(b)
			if err == io.EOF {
				if err = nothingMore(b); err == nil {
					return
				}
			}
			if !yield(frame, err) || err != nil {
				return
			}
		}
	}
}

// readFrame gives io.EOF at the end of all frames.
func readFrame(r io.Reader) ([]byte, error) {
	n, err := readLength(r)
	switch {
	case err != nil:
		return nil, err
	case n == endOfFrames:
		return nil, io.EOF
	case n == brokenOff:
		return nil, readBroken(r)
	case n > maxFrame:
		return nil, fmt.Errorf("a frame of %d bytes: %w", n, journal.ErrFrame)
	}
	return readN(r, int(n))
}

func readLength(r io.Reader) (uint32, error) {
	var b [frameExtra]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return 0, cutOff(err)
	}
	return binary.LittleEndian.Uint32(b[:]), nil
}

func readBroken(r io.Reader) error {
	n, err := readLength(r)
	if err != nil {
		return err
	}
	if n > maxError {
		return fmt.Errorf("an error of %d bytes: %w", n, journal.ErrFrame)
	}
	raw, err := readN(r, int(n))
	if err != nil {
		return err
	}
	return decodeError(raw)
}

// readN reads n bytes, and makes room for many only when they come.
func readN(r io.Reader, n int) ([]byte, error) {
	if n <= trusted {
		b := make([]byte, n)
		_, err := io.ReadFull(r, b)
		return b, cutOff(err)
	}
	var b bytes.Buffer
	_, err := io.CopyN(&b, r, int64(n))
	return b.Bytes(), cutOff(err)
}

// cutOff makes an end where there should be none an error.
func cutOff(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("the frames are cut off: %w", io.ErrUnexpectedEOF)
	}
	return err
}

func nothingMore(r io.Reader) error {
	switch n, err := io.ReadFull(r, make([]byte, 1)); {
	case n > 0:
		return fmt.Errorf("something follows the frames: %w", journal.ErrFrame)
	case err != io.EOF:
		return err
	}
	return nil
}

// readBatch reads frames that may be put at once.
func readBatch(r io.Reader) ([][]byte, error) {
	var frames [][]byte
	sum := 0
	for frame, err := range readFrames(r) {
		if err != nil {
			return nil, err
		}
		if sum += len(frame); sum > journal.MaxFrames || len(frames) == journal.MaxBatch {
			return nil, fmt.Errorf("more than %d entries or %d bytes at once: %w", journal.MaxBatch, journal.MaxFrames, journal.ErrTooLarge)
		}
		frames = append(frames, frame)
	}
	return frames, nil
}
