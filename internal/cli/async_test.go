package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
)

// The test reads only after all writes, and writes more messages than a pipe and the queue
// hold.
func TestMessagesThatDoNotFitIntoTheQueueAreCounted(t *testing.T) {
	reads, writes, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reads.Close()
	w := &asyncWriter{w: writes}
	w.hold()
	const messages = 2 * maxUnread
	line := strings.Repeat("m", 80) + "\n"
	for range messages {
		if _, err := io.WriteString(w, line); err != nil {
			t.Fatal(err)
		}
	}
	go func() {
		w.release(forever)
		writes.Close()
	}()
	text, err := io.ReadAll(reads)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	last := lines[len(lines)-1]
	var lost int
	if _, err := fmt.Sscanf(last, "slotgen: warning: %d messages lost: ", &lost); err != nil || lost == 0 || len(lines)-1+lost != messages {
		t.Errorf("%d lines, the last %.80q: %v", len(lines), last, err)
	}
}
