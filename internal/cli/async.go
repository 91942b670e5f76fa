package cli

import (
	"bytes"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// maxUnread bounds how many messages wait for their reader. A pass over the largest
// volume has fewer before it unlocks the scandir.
const maxUnread = 1 << 14

// forever is the limit of a wait that has none.
const forever time.Duration = 1<<63 - 1

// asyncWriter writes messages, and waits for whoever reads them. While it is held
// nobody waits: messages go to a queue, and one goroutine writes them. It drops and
// counts the messages for which the queue has no room.
type asyncWriter struct {
	w       io.Writer
	holders int
	queue   chan []byte   // nil while nobody holds the writer
	written chan struct{} // closed when all of a closed queue is written
	lost    atomic.Int64
}

func (a *asyncWriter) Write(p []byte) (int, error) {
	if a.queue == nil {
		return a.w.Write(p)
	}
	select {
	case a.queue <- bytes.Clone(p):
	default:
		a.lost.Add(1)
	}
	return len(p), nil
}

func (a *asyncWriter) hold() {
	if a.holders++; a.holders == 1 {
		a.queue, a.written = make(chan []byte, maxUnread), make(chan struct{})
		go a.writeQueue(a.queue, a.written)
	}
}

// release ends one hold. The last one waits until all is written, for at most limit.
func (a *asyncWriter) release(limit time.Duration) {
	if a.holders--; a.holders > 0 {
		return
	}
	close(a.queue)
	a.queue = nil
	select {
	case <-a.written:
	case <-time.After(limit):
	}
}

func (a *asyncWriter) writeQueue(queue <-chan []byte, written chan<- struct{}) {
	defer close(written)
	for text := range queue {
		_, _ = a.w.Write(text) // nobody else could be told of an error
		if len(queue) == 0 {
			a.reportLost()
		}
	}
	a.reportLost()
}

func (a *asyncWriter) reportLost() {
	if n := a.lost.Swap(0); n > 0 {
		_, _ = fmt.Fprintf(a.w, "slotgen: warning: %d messages lost: nobody read the ones before\n", n)
	}
}
