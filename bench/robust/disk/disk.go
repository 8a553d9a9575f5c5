// Package disk makes small disks for a fault run: ext4 in a file, mounted in a folder.
// Such a disk can be full, and its power can be cut: a copy of the file, taken while
// nothing is being written, holds what had reached the disk and nothing that was only
// in memory.
//
// It needs root, loop devices and the commands mkfs.ext4, losetup and mount.
package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Disk is a mounted file.
type Disk struct {
	Image  string // the file
	Folder string // where it is mounted
	device string
}

// Possible is an error that says why there can be no disks here.
func Possible() error {
	if os.Geteuid() != 0 {
		return errors.New("mounting needs root")
	}
	for _, tool := range []string{"mkfs.ext4", "losetup", "mount", "umount"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("the command %s is missing", tool)
		}
	}
	if out, err := exec.Command("losetup", "--find").CombinedOutput(); err != nil {
		return fmt.Errorf("no loop device: %s", strings.TrimSpace(string(out)))
	}
	return nil
}

// Make makes an empty disk of a size in bytes and mounts it.
func Make(ctx context.Context, image, folder string, size int64) (*Disk, error) {
	f, err := os.Create(image)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.Truncate(size), f.Close()); err != nil {
		return nil, err
	}
	if err := run(ctx, "mkfs.ext4", "-q", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", image); err != nil {
		return nil, err
	}
	return Mount(ctx, image, folder)
}

// Mount mounts an image, and lets the file system mend what a cut of power left.
func Mount(ctx context.Context, image, folder string) (*Disk, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, "losetup", "--find", "--show", image).Output()
	if err != nil {
		return nil, fmt.Errorf("losetup %s: %w", image, err)
	}
	d := &Disk{Image: image, Folder: folder, device: strings.TrimSpace(string(out))}
	if err := run(ctx, "mount", d.device, folder); err != nil {
		return nil, errors.Join(err, run(ctx, "losetup", "--detach", d.device))
	}
	return d, nil
}

// Close unmounts the disk. The image stays.
func (d *Disk) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := run(ctx, "umount", d.Folder)
	if err != nil {
		err = run(ctx, "umount", "--lazy", d.Folder)
	}
	return errors.Join(err, run(ctx, "losetup", "--detach", d.device))
}

// ErrBusy says that the disk was written to while it was being copied.
var ErrBusy = errors.New("the disk was written to during each of the copies")

// Cut copies the disk as a cut of power would leave it. Those who write to it must be
// frozen; what the system writes by itself meanwhile makes it copy again.
func (d *Disk) Cut(ctx context.Context, image string) error {
	for range 20 {
		before, err := d.written()
		if err != nil {
			return err
		}
		if err := copyFile(d.Image, image); err != nil {
			return err
		}
		after, err := d.written()
		if err != nil || before == after {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return ErrBusy
}

// written is what the kernel counts of writes to the device: how many were done, how many
// sectors, and how many requests are under way.
func (d *Disk) written() (string, error) {
	stat, err := os.ReadFile(filepath.Join("/sys/block", filepath.Base(d.device), "stat"))
	if err != nil {
		return "", err
	}
	f := strings.Fields(string(stat))
	if len(f) < 9 {
		return "", fmt.Errorf("statistics of %s: %q", d.device, stat)
	}
	return strings.Join([]string{f[4], f[6], f[8]}, " "), nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// filler is the file that makes a disk full.
const filler = "filler"

// Fill makes the disk full to the last block.
func (d *Disk) Fill() error {
	f, err := os.Create(filepath.Join(d.Folder, filler))
	if err != nil {
		return err
	}
	for size := 1 << 20; size >= 512; size /= 2 {
		block := make([]byte, size)
		for {
			if _, err = f.Write(block); err != nil {
				break
			}
		}
	}
	_ = f.Sync() // it is full: that is meant
	return f.Close()
}

// Free undoes Fill.
func (d *Disk) Free() error { return os.Remove(filepath.Join(d.Folder, filler)) }

func run(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
