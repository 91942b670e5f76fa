package cli

import "fmt"

// unlock gives the scandir's lock up: what is left to do changes nothing.
func (p *pass) unlock() {
	if !p.locked {
		return
	}
	p.locked = false
	if err := p.dir.Unlock(); err != nil {
		p.fail(fmt.Errorf("unlocking scandir %q: %w", p.scandir, err))
	}
	p.msg.w.release(forever)
}

// waitForSupervisors waits until every slot of the pass has its supervisor, and
// reports those that never came up, each by its name.
func (p *pass) waitForSupervisors(outcomes []outcome) {
	if p.wait == 0 || p.dryRun || p.dir == nil {
		return
	}
	var services []string
	for _, o := range outcomes {
		if o.action == actionStarted || o.action == actionRegistered {
			services = append(services, o.entry.Profile.Service)
		}
	}
	missing := p.dir.WaitSupervised(services, p.wait)
	for _, service := range missing {
		p.fail(fmt.Errorf("slot %q has no supervisor after %s", service, p.wait))
	}
	switch {
	case len(missing) == 0:
	case !p.rescan:
		p.msg.line("hint: --rescan makes s6-svscan look for new slots")
	default:
		p.msg.line("hint: s6-svscan says on its standard error what it does not take up")
	}
}
