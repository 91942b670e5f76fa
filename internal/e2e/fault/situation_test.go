package fault

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"slotgen/internal/e2e/harness"
)

// situation is one run of slotgen and the files that it finds. In the command line, ~ is the root
// of all files: ~/home is the volume, ~/service the scandir, ~/templates the override directory
// and ~/proc the processes.
type situation struct {
	name string
	// prepare makes the files that the run finds.
	prepare func(f *faults)
	// arrange makes locks and processes, which can't be copied, before a run. The function that it
	// returns ends them.
	arrange func(f *faults) func()
	args    []string
	// again is the command line of the next run. When it is nil, the next run uses args.
	again []string
	// always is a fault that strace injects during the whole run.
	always string
	// live holds the slots whose lock the test holds, as a supervisor would.
	live map[string]bool
	// supervised is set when a real s6 runs. s6 keeps its own files in the slots, and the run polls.
	supervised bool
	// fails holds the profiles that fail without any fault.
	fails []string
}

const noRenameFlags = "renameat2:error=EINVAL" // as on NFS

func reconcileArgs() []string {
	return strings.Fields("reconcile --home ~/home --scandir ~/service --user 10000:10000 --proc ~/proc --templates ~/templates")
}

func situations() []situation {
	reconcile := reconcileArgs()
	render := strings.Fields("render --profile coder --home ~/home --out ~/out --user 10000:10000 --proc ~/proc --templates ~/templates")
	export := []string{"templates", "export", "--out", "~/out"}
	with := func(args []string, more ...string) []string { return slices.Concat(args, more) }
	pass := func(f *faults) { f.mustRun(reconcile...) }
	flipped := func(f *faults) {
		f.volume("running", "stopped")
		pass(f)
		f.volume("stopped", "running")
	}
	changed := func(f *faults) {
		f.firstTemplates()
		flipped(f)
		f.secondTemplates()
	}
	legacy := func(f *faults) {
		f.write("proc/1/cmdline", "/init\x00/opt/hermes/docker/main-wrapper.sh\x00hermes\x00gateway\x00run\x00")
		f.write("proc/1/status", harness.RootsStatus)
	}
	orphan := func(f *faults) {
		f.volume("running", "running")
		f.write("home/profiles/gone/SOUL.md", "")
		pass(f)
		f.remove("home/profiles/gone")
	}
	return []situation{
		{name: "first boot", args: reconcile, prepare: func(f *faults) { f.volume("running", "stopped") }},
		{name: "first boot without rename flags", args: reconcile, always: noRenameFlags, prepare: func(f *faults) { f.volume("running", "stopped") }},
		{name: "second boot, changed templates", args: reconcile, prepare: func(f *faults) {
			f.templates("first", "notification-fd")
			f.volume("running", "stopped")
			pass(f)
			f.remove("templates")
			f.templates("second", "timeout-kill")
			f.write("home/profiles/fresh/SOUL.md", "")
		}},
		{name: "exchange", args: reconcile, prepare: flipped},
		{name: "exchange by renames", args: reconcile, always: noRenameFlags, prepare: flipped},
		{name: "live update", args: reconcile, prepare: changed, arrange: (*faults).holdAll, live: map[string]bool{
			"gateway-default": true, "gateway-coder": true, "gateway-writer": true,
		}},
		{name: "prune", args: with(reconcile, "--prune"), prepare: orphan},
		{name: "no room", args: with(reconcile, "--max-services", "4"), prepare: flipped, fails: []string{"coder"}},
		{name: "log rotation", args: reconcile, prepare: func(f *faults) {
			f.volume("running", "stopped")
			pass(f)
			f.write("home/logs/container-boot.log.1", "2026-01-01T00:00:00+0000 profile=older prior_state=None action=registered prior_exit=clean\n")
			f.write("home/logs/container-boot.log", strings.Repeat("2026-02-02T00:00:00+0000 profile=old prior_state=None action=registered prior_exit=clean\n", 3000))
		}},
		{name: "migrated state", args: reconcile, prepare: legacy},
		{name: "migrated state without rename flags", args: reconcile, always: noRenameFlags, prepare: legacy},
		{name: "what killed passes left", args: reconcile, prepare: func(f *faults) {
			f.write("home/profiles/gone/SOUL.md", "")
			flipped(f)
			f.remove("home/profiles/gone")
			for from, to := range map[string]string{"coder": ".gateway-coder.old", "gone": ".gateway-gone.old"} {
				f.move("service/gateway-"+from, "service/"+to)
			}
			f.write("service/gateway-default/.run1234567890", "half")
			f.write("service/.gateway-writer.new/run", "half")
			f.write("service/.gateway-fresh.new/log/run", "half")
			f.write("home/.gateway_state.json.new", "half")
		}},
		{name: "templates export", args: export, again: with(export, "--force"), prepare: func(*faults) {}},
		{name: "templates export over older ones", args: with(export, "--force"), prepare: func(f *faults) {
			f.mustRun(export...)
			for _, name := range []string{"run", "log/run", "finish"} {
				f.write("out/"+name+".tmpl", "#!/bin/sh\n# older\n")
			}
		}},
		{name: "render", args: render, prepare: func(f *faults) { f.volume("running", "stopped") }},
		{name: "render over an older one", args: render, prepare: func(f *faults) {
			f.firstTemplates()
			f.volume("running", "stopped")
			f.mustRun(render...)
			f.secondTemplates()
		}},
		// This one is last, because the other situations cover the shared places faster.
		{name: "prune under s6", args: with(reconcile, "--prune"), arrange: (*faults).supervise, supervised: true, live: map[string]bool{"gateway-halts": true}, prepare: func(f *faults) {
			f.write("templates/run.tmpl", "#!/bin/sh\nexec sleep 1000\n")
			f.write("templates/log/run.tmpl", "#!/bin/sh\nexec cat\n")
			f.write("home/profiles/gone/SOUL.md", "")
			f.write("home/profiles/gone/gateway_state.json", `{"desired_state": "running"}`)
			f.write("home/profiles/halts/SOUL.md", "")
			f.write("home/profiles/halts/gateway_state.json", `{"desired_state": "running"}`)
			pass(f)
			f.write("home/profiles/halts/gateway_state.json", `{"desired_state": "stopped"}`)
			f.remove("home/profiles/gone")
		}},
	}
}

// volume records the states of the profiles coder and writer. The profile default has none.
func (f *faults) volume(coder, writer string) {
	f.t.Helper()
	for name, state := range map[string]string{"coder": coder, "writer": writer} {
		dir := "home/profiles/" + name + "/"
		f.write(dir+"SOUL.md", "")
		f.write(dir+"gateway_state.json", `{"desired_state": "`+state+`"}`)
		f.write(dir+"gateway.pid", "7\n")
	}
	f.write("home/processes.json", "[]\n")
}

func (f *faults) firstTemplates() {
	f.t.Helper()
	f.templates("first", "data/words", "env/WORD", "notification-fd", "log/notification-fd")
}

func (f *faults) secondTemplates() {
	f.t.Helper()
	f.remove("templates")
	f.templates("second", "data/words", "data/deep/words", "env/WORD", "env/OTHER", "timeout-kill", "log/timeout-kill")
}

// templates makes the overrides run, log/run and some other files. They contain the word, or a
// number where s6 needs one.
func (f *faults) templates(word string, files ...string) {
	f.t.Helper()
	for _, file := range append(files, "run", "log/run") {
		text := word + "\n"
		switch filepath.Base(file) {
		case "run":
			text = "#!/bin/sh\n# " + word + "\nexec sleep 1000\n"
		case "notification-fd", "timeout-kill":
			text = "1000\n"
		}
		f.write("templates/"+file+".tmpl", text)
	}
}

func (f *faults) write(name, text string) {
	f.t.Helper()
	path := filepath.Join(f.root, name)
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(text), 0o644)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	if strings.HasPrefix(name, "home/") {
		harness.GiveToUser(f.t, filepath.Join(f.root, "home"))
	}
}

func (f *faults) move(from, to string) {
	f.t.Helper()
	if err := os.Rename(filepath.Join(f.root, from), filepath.Join(f.root, to)); err != nil {
		f.t.Fatal(err)
	}
}

func (f *faults) remove(name string) {
	f.t.Helper()
	if err := os.RemoveAll(filepath.Join(f.root, name)); err != nil {
		f.t.Fatal(err)
	}
}

// holdAll locks the slots as s6-supervise does, but with locks of the open file. A process would
// lose its own locks when it closes any descriptor of the file.
func (f *faults) holdAll() func() {
	f.t.Helper()
	var fds []int
	for slot := range f.live {
		fd, err := unix.Open(filepath.Join(f.root, "service", slot, "supervise/lock"), unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o644)
		if err == nil {
			err = unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
		}
		if err != nil {
			f.t.Fatal(err)
		}
		fds = append(fds, fd)
	}
	return func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	}
}
