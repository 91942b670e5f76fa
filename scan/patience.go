package scan

import (
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// maxWaits times waitEvery is the time that a pass waits for files that another process
	// has leased (fcntl(2), "Leases"), for all files together.
	maxWaits  = 100
	waitEvery = 10 * time.Millisecond
)

// patience repeats calls on the volume that may succeed at another time. One volume has one.
type patience struct{ waits atomic.Int32 }

// try makes a call. It repeats the call once after ESTALE: then the kernel asks the file server
// again. It repeats the call after EAGAIN for as long as the pass may wait.
func (p *patience) try(call func() error) error {
	err := call()
	if errors.Is(err, unix.ESTALE) {
		err = call()
	}
	for errors.Is(err, unix.EAGAIN) && p.waits.Add(1) <= maxWaits {
		time.Sleep(waitEvery)
		err = call()
	}
	return err
}
