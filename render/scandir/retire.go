package scandir

import (
	"fmt"
)

// Retire removes the slot of a service, unless it is live: then it stays, and
// that is an error.
func (d *Dir) Retire(service string) error {
	if err := d.mustNotLive(service); err != nil {
		return err
	}
	return d.discard(service, service)
}

// discard removes what stands under a name. First it gets the name of a staged
// slot: under its own, and aside, what is half removed could be taken for a slot.
func (d *Dir) discard(name, service string) error {
	doomed := stagedName(service)
	err := d.mustHoldNoMount(name)
	if err == nil {
		err = d.removeAll(doomed)
	}
	if err == nil {
		err = ignoreMissing(d.rename(name, doomed))
	}
	if err == nil {
		err = d.removeAll(doomed)
	}
	if err != nil {
		return fmt.Errorf("removing %q: %w", name, err)
	}
	return nil
}
