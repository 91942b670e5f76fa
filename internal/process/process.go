// Package process reads the command lines and directories of other processes from /proc.
//
// A process that ends while it is read has none of either: that is no error.
package process

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
)

// Process is one process. It is valid until the loop over All goes on.
type Process struct {
	// ID is the number of the process.
	ID   int
	proc string
	// fd is the directory of the process: all files below it belong to one process, though its
	// number may be given to another one at any time.
	fd int
}

// All yields every process below proc, which is /proc, the lowest number first. An error comes
// with a zero Process: a part of proc can't be read.
func All(proc string) iter.Seq2[Process, error] {
	return func(yield func(Process, error) bool) {
		fd, err := unix.Open(proc, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			yield(Process{}, fmt.Errorf("reading %q: %w", proc, err))
			return
		}
		defer unix.Close(fd)
		ids, err := numbers(fd)
		if err != nil && !yield(Process{}, fmt.Errorf("reading %q: %w", proc, err)) {
			return
		}
		for _, id := range ids {
			if !visit(proc, fd, id, yield) {
				return
			}
		}
	}
}

func visit(proc string, dir, id int, yield func(Process, error) bool) (goOn bool) {
	p := Process{ID: id, proc: proc}
	var err error
	p.fd, err = fdio.Open(dir, strconv.Itoa(id), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		err = p.explain("", err)
		return err == nil || yield(Process{}, err)
	}
	defer unix.Close(p.fd)
	return yield(p, nil)
}

func numbers(proc int) ([]int, error) {
	names, err := fdio.Names(proc)
	var ids []int
	for _, name := range names {
		if id, err := strconv.Atoi(name); err == nil && id > 0 {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, err
}

// Args returns the command line without empty words, of which the first 256 KiB count.
func (p Process) Args() ([]string, error) {
	text, err := p.read("cmdline")
	return strings.FieldsFunc(string(text), func(c rune) bool { return c == 0 }), err
}

// RealUID returns the number of the account that started the process, and false for a process
// that has ended. The owner of its files does not show that: they are root's for a process that
// nobody may trace, and for a set-uid program, whose caller chose its arguments.
func (p Process) RealUID() (uid int, found bool, err error) {
	status, err := p.read("status")
	_, ids, _ := bytes.Cut(status, []byte("\nUid:\t"))
	word, _, found := bytes.Cut(ids, []byte("\t"))
	if !found || err != nil {
		return 0, false, err
	}
	uid, err = strconv.Atoi(string(word))
	return uid, err == nil, nil // the kernel writes numbers
}

// Dir returns the path of the working directory. It ends in " (deleted)" when that was removed.
func (p Process) Dir() (string, error) {
	dir, err := fdio.ReadLink(p.fd, "cwd")
	return dir, p.explain("/cwd", err)
}

// maxFile is the longest part of a file that is read, in bytes. The kernel's own limit for one
// argument is 128 KiB.
const maxFile = 256 << 10

func (p Process) read(name string) ([]byte, error) {
	fd, err := fdio.Open(p.fd, name, unix.O_RDONLY)
	if err != nil {
		return nil, p.explain("/"+name, err)
	}
	defer unix.Close(fd)
	text, err := fdio.Read(fd, maxFile)
	if errors.Is(err, fdio.ErrTooLarge) || errors.Is(err, fdio.ErrNotRegular) {
		err = nil // the rest, or anything that is no file, does not count
	}
	return text, p.explain("/"+name, err)
}

// explain names the file in an error. It drops the error of a process that has ended.
func (p Process) explain(file string, err error) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return nil
	}
	return fmt.Errorf("reading %q: %w", fmt.Sprintf("%s/%d%s", p.proc, p.ID, file), err)
}
