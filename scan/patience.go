package scan

import (
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// maxWaits times waitEvery is the time that a pass waits for files that another process
	// has leased (fcntl(2), "Leases"), for all files together.
	maxWaits  = 100
	waitEvery = 10 * time.Millisecond

	// slowAfter is the time after which a call on the volume counts as slow, slowAgain the time
	// from one report of it to the next, and lookEvery the time between two looks for slow calls.
	slowAfter = 10 * time.Second
	slowAgain = time.Minute
	lookEvery = time.Second
)

// Slow gets the absolute path that a call on the volume waits for, and how long it has waited. The
// file server may never answer, and then slotgen can't even end. Another goroutine calls it.
type Slow func(path string, waited time.Duration)

// patience makes the calls on one volume. It repeats those that may succeed at another time, and
// reports those that take long.
type patience struct {
	home  string
	waits atomic.Int32
	// sums are what the scan may still spend on the volume.
	sums *sums

	mu      sync.Mutex
	pending map[*call]bool
}

// call is a call that has not returned.
type call struct {
	path          string
	since, report time.Time
}

// try makes a call on a path. It repeats the call once after ESTALE: then the kernel asks the file
// server again. It repeats the call after EAGAIN for as long as the pass may wait.
func (p *patience) try(path string, work func() error) error {
	c := p.begin(path)
	defer p.end(c)
	err := work()
	if errors.Is(err, unix.ESTALE) {
		err = work()
	}
	for errors.Is(err, unix.EAGAIN) && p.waits.Add(1) <= maxWaits {
		time.Sleep(waitEvery)
		err = work()
	}
	return err
}

func (p *patience) begin(path string) *call {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	c := &call{path, now, now.Add(slowAfter)}
	p.pending[c] = true
	return c
}

func (p *patience) end(c *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pending, c)
}

// watch reports the slow calls until the returned function is called. It starts its timer before it
// returns: the Go runtime ends the process where it has no descriptor left for its first timer.
func (p *patience) watch(slow Slow) (end func()) {
	var (
		reporting sync.Mutex
		ended     bool
		timer     *time.Timer
	)
	report := func() {
		reporting.Lock()
		defer reporting.Unlock()
		if ended {
			return
		}
		for path, waited := range p.overdue(time.Now()) {
			slow(filepath.Join(p.home, path), waited)
		}
		timer.Reset(lookEvery)
	}
	reporting.Lock()
	defer reporting.Unlock()
	timer = time.AfterFunc(lookEvery, report)
	return func() {
		reporting.Lock()
		defer reporting.Unlock()
		ended = true
		timer.Stop()
	}
}

// overdue returns the paths whose report is due, with the time waited, and schedules their next
// report.
func (p *patience) overdue(now time.Time) map[string]time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	due := map[string]time.Duration{}
	for c := range p.pending {
		if !c.report.After(now) {
			c.report = now.Add(slowAgain)
			due[c.path] = now.Sub(c.since)
		}
	}
	return due
}
