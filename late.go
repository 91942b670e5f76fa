package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// maxLate bounds what waits for its reader, in bytes.
const maxLate = 4 << 20

// forever is longer than anybody waits.
const forever = time.Duration(math.MaxInt64)

// lateWriter writes at once, and its caller waits for the reader. While somebody holds
// it nobody waits: where the reader is late, a goroutine writes, in order, and what is
// more than maxLate is lost and counted.
type lateWriter struct {
	w io.Writer

	mu      sync.Mutex
	holders int
	waiting []byte
	lost    int
	// written is closed when nothing waits any more. It is nil while nothing does.
	written chan struct{}
}

func (l *lateWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	late := p
	if l.written == nil {
		if l.holders == 0 {
			return l.w.Write(p)
		}
		late = p[writeNow(l.w, p):]
	}
	switch {
	case len(late) == 0:
		return len(p), nil
	case len(l.waiting)+len(late) > maxLate:
		l.lost++
		return len(p), nil
	}
	l.waiting = append(l.waiting, late...)
	if l.written == nil {
		l.written = make(chan struct{})
		go l.writeWaiting()
	}
	return len(p), nil
}

// writeNow writes what can be written without waiting, and returns how much that was.
// That a file has room can't be asked before: others may write to it too, and of a
// terminal poll(2) only says that a byte fits.
func writeNow(w io.Writer, p []byte) int {
	f, ok := w.(*os.File)
	if !ok || isRegular(f) { // nobody has to read it
		n, _ := w.Write(p)
		return n
	}
	const current = -1 // the file's own offset
	n, err := unix.Pwritev2(int(f.Fd()), [][]byte{p}, current, unix.RWF_NOWAIT)
	if err != nil {
		return 0 // it would wait, or the kernel can't tell
	}
	return n
}

func isRegular(f *os.File) bool {
	var st unix.Stat_t
	return unix.Fstat(int(f.Fd()), &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG
}

func (l *lateWriter) writeWaiting() {
	for text := l.take(); len(text) > 0; text = l.take() {
		_, _ = l.w.Write(text) // as everywhere: there is nobody left to tell
	}
}

// take returns what waits, or ends the waiting.
func (l *lateWriter) take() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.waiting
	if l.lost > 0 {
		text = fmt.Appendf(text, "slotgen: warning: %d messages lost: nobody read the ones before\n", l.lost)
	}
	l.waiting, l.lost = nil, 0
	if len(text) == 0 {
		close(l.written)
		l.written = nil
	}
	return text
}

func (l *lateWriter) hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holders++
}

// release ends one hold. The last one waits until all is written, for at most limit.
func (l *lateWriter) release(limit time.Duration) {
	l.mu.Lock()
	l.holders--
	held, written := l.holders > 0, l.written
	l.mu.Unlock()
	if held || written == nil {
		return
	}
	select {
	case <-written:
	case <-time.After(limit):
	}
}
