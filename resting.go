package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// restingGC collects garbage early where little is made and memory counts more
// than time, in percent of what is in use.
const restingGC = 20

// restEvery is how often memory is given back that looks at the volume needed.
const restEvery = time.Minute

// giveMemoryBack returns what a pass needed to the kernel: the freed heap, and
// the pages of the program itself, of which a wait needs few. The kernel maps
// those again from its cache when they are touched.
func giveMemoryBack() {
	debug.FreeOSMemory()
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	for _, m := range asInTheirFiles(string(smaps)) {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.from, m.to-m.from, unix.MADV_DONTNEED) // only a hint
	}
}

type mapping struct{ from, to uintptr }

// asInTheirFiles returns the mappings of files that can't be written to and
// never were: a dynamic linker relocates some before it makes them read-only, and
// what it wrote there is in no file.
func asInTheirFiles(smaps string) []mapping {
	var found []mapping
	var m mapping
	readOnly, unwritten := false, 0
	for line := range strings.Lines(smaps) {
		var mode, offset, device string
		var from, to uintptr
		var inode uint64
		if n, _ := fmt.Sscanf(line, "%x-%x %s %s %s %d", &from, &to, &mode, &offset, &device, &inode); n == 6 {
			m, readOnly, unwritten = mapping{from, to}, inode != 0 && !strings.Contains(mode, "w"), 0
			continue
		}
		switch fields := strings.Fields(line); fields[0] {
		case "Anonymous:", "Swap:": // both are of pages that were written to
			if fields[1] == "0" {
				unwritten++
			}
			if readOnly && unwritten == 2 {
				found = append(found, m)
			}
		}
	}
	return found
}

// processorTime is what this process has used of the processor.
func processorTime() time.Duration {
	var used unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &used) != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// pause keeps passes that never end from taking the processor for themselves.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
