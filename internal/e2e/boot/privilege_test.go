package boot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slotgen/internal/e2e/harness"
)

func TestContainerMemberOfTheGroupReachesNoFurtherThanItsServices(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("coder", harness.Running)
		c.Profile("writer", harness.Running)
		c.MustRun("root", "slotgen", "reconcile")
		c.Boot()
		c.WaitUp("gateway-coder", "gateway-writer")
		precious := c.Path("/etc/precious")
		if err := os.WriteFile(precious, []byte("precious\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		const slot = "/run/service/gateway-coder"
		//nolint:dupword // two loops end in the script
		planted := c.MustRun("hermes", "sh", "-c", `cd "$0"
for dir in supervise log/supervise event log/event . log; do
	for target in /etc/precious /run/service/gateway-writer/supervise/control; do
		for name in status.new death_tally.new ftrig1:@0123456789abcdef01234567:abcdef run; do
			ln -sf $target $dir/$name 2>/dev/null && echo $name in $dir
		done
	done
done
echo tried all`, slot)
		if planted != "tried all\n" {
			t.Errorf("hermes planted\n%s", planted)
		}
		writer := c.MustRun("root", "s6-svstat", "-p", "/run/service/gateway-writer")
		for _, what := range []string{"-t", "-d", "-u"} {
			c.MustRun("hermes", "s6-svc", what, slot)
		}
		c.WaitUp("gateway-coder")
		if got := harness.ReadText(t, precious); got != "precious\n" {
			t.Errorf("the file of root's now holds %q", got)
		}
		if got := c.MustRun("root", "s6-svstat", "-p", "/run/service/gateway-writer"); got != writer {
			t.Errorf("another service was reached: pid %s, was %s", got, writer)
		}
		for _, argv := range [][]string{
			{"rm", slot + "/run"},
			{"touch", slot + "/down"},
			{"mv", slot, slot + "2"},
			{"chmod", "777", slot + "/supervise"},
			{"sh", "-c", "echo x >/run/service/.s6-svscan/control"},
			{"mkdir", "/run/service/gateway-mine"},
			{"cat", "/run/service/.slotgen.lock"},
		} {
			if got := c.Run("hermes", argv...); got.Code == 0 {
				t.Errorf("hermes may %q", argv)
			}
		}
	})
}

func TestContainerRootAccessGivesTheUserNothing(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("coder", harness.Running)
		c.MustRun("root", "slotgen", "reconcile", "--supervise-access", "root")
		c.Boot()
		c.WaitUp("gateway-coder")
		for _, argv := range [][]string{{"s6-svc", "-d"}, {"s6-svstat"}, {"s6-svok"}} {
			if got := c.Run("hermes", append(argv, "/run/service/gateway-coder")...); got.Code == 0 {
				t.Errorf("hermes may use %s", argv[0])
			}
		}
	})
}

func TestContainerOwnerAccessGivesTheOwnerAll(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("coder", harness.Running)
		c.MustRun("root", "slotgen", "reconcile", "--supervise-access", "owner")
		c.Boot()
		c.WaitUp("gateway-coder")
		const slot = "/run/service/gateway-coder"
		c.MustRun("hermes", "s6-svstat", slot)
		c.MustRun("hermes", "s6-svc", "-wD", "-T", harness.HangLimitMS, "-d", slot)
		c.MustRun("hermes", "s6-svwait", "-t", harness.HangLimitMS, "-d", slot)
		if got := c.Run("stranger", "s6-svc", "-u", slot); got.Code == 0 {
			t.Error("a stranger may use s6-svc")
		}
	})
}

func TestContainerWorksWithLessThanRoot(t *testing.T) {
	tests := []struct {
		name, script string
		code         int
		stderr       string
		slot         bool // coder's slot exists afterwards
	}{
		{
			"an unprivileged user with a scandir of its own",
			"setpriv --reuid hermes --regid hermes --init-groups sh -c 'mkdir /tmp/own && slotgen reconcile --scandir /tmp/own' && test -p /tmp/own/gateway-coder/supervise/control && " +
				"test \"$(stat -c %U:%a /tmp/own/gateway-coder/supervise)\" = hermes:755 && cp -a /tmp/own/gateway-coder /run/service/",
			0, "2 profiles: 2 created", true,
		},
		{
			"an unprivileged user with root's scandir",
			"setpriv --reuid hermes --regid hermes --init-groups slotgen reconcile", 2,
			`error: locking "/run/service/.slotgen.lock": permission denied`, false,
		},
		{
			"root without CAP_CHOWN", "setpriv --bounding-set -chown --inh-caps -chown slotgen reconcile", 1,
			"hint: giving a slot to a group needs CAP_CHOWN, to its user CAP_FOWNER too; --supervise-access root needs neither", false,
		},
		{
			"root without CAP_CHOWN and with access for root", "setpriv --bounding-set -chown slotgen reconcile --supervise-access root", 0,
			"2 created", true,
		},
		{
			"root without CAP_FOWNER", "setpriv --bounding-set -fowner --inh-caps -fowner slotgen reconcile && test -s /opt/data/logs/container-boot.log", 0,
			"2 created", true,
		},
		{
			"root without CAP_FOWNER and with access for the owner", "setpriv --bounding-set -fowner --inh-caps -fowner slotgen reconcile --supervise-access owner", 1,
			"hint: giving a slot to a group needs CAP_CHOWN, to its user CAP_FOWNER too; --supervise-access root needs neither", false,
		},
		{
			"root without CAP_FSETID and with access to events", "setpriv --bounding-set -fsetid --inh-caps -fsetid slotgen reconcile --supervise-access events", 1,
			"hint: it needs CAP_FSETID; --supervise-access group does without", false,
		},
		{
			"root without CAP_FSETID", "setpriv --bounding-set -fsetid --inh-caps -fsetid slotgen reconcile", 0,
			"2 created", true,
		},
		{
			"root without CAP_DAC_OVERRIDE", "chmod 700 /opt/data /opt/data/profiles/coder; setpriv --bounding-set -dac_override,-dac_read_search slotgen reconcile", 0,
			"2 created", true,
		},
		{
			"a home that the user may not enter", "mkdir -m 700 /srv/shut; mv /opt/data /srv/shut/; slotgen reconcile --home /srv/shut/data", 2,
			`error: opening home "/srv/shut/data": permission denied`, false,
		},
		{
			"a profile that the user may not read", "chown root /opt/data/profiles/coder; chmod 700 /opt/data/profiles/coder; slotgen reconcile", 1,
			`error: profile "coder": reading "profiles/coder": permission denied`, false,
		},
		{
			"a read-only volume", "mount --bind /opt/data /opt/data; mount -o remount,bind,ro /opt/data; slotgen reconcile", 0,
			`warning: opening "logs": read-only file system`, true,
		},
		{
			"a full volume", "cp -a /opt/data /tmp/copy; mount -t tmpfs -o size=8k tmpfs /opt/data; cp -a /tmp/copy/profiles /opt/data; " +
				"dd if=/dev/zero of=/opt/data/fill 2>/dev/null; slotgen reconcile", 0,
			`warning: writing "logs/container-boot.log": no space left on device`, true,
		},
		{
			"a read-only scandir", "mount -t tmpfs -o ro tmpfs /run/service; slotgen reconcile", 2,
			`error: locking "/run/service/.slotgen.lock": read-only file system`, false,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := harness.NewContainer(t, harness.OwnS6())
			c.Profile("coder", harness.Running)
			got := c.Run("root", "sh", "-c", tt.script)
			if got.Code != tt.code || !strings.Contains(got.Stderr, tt.stderr) {
				t.Errorf("exit code %d, want %d with %q:\n%s", got.Code, tt.code, tt.stderr, got.Stderr)
			}
			entries, err := os.ReadDir(c.Path("/run/service"))
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if strings.HasPrefix(e.Name(), ".gateway") {
					t.Errorf("%s is left over", e.Name())
				}
			}
			_, err = os.Lstat(filepath.Join(c.Path("/run/service"), "gateway-coder/run"))
			if (err == nil) != tt.slot {
				t.Errorf("slot: %v, want one: %v", err, tt.slot)
			}
		})
	}
}

// A member of the group may read supervise/lock, and a read lock keeps s6-supervise out.
func TestContainerProcessThatKeepsASupervisorOutIsNamed(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("coder", harness.Running)
		c.MustRun("root", "slotgen", "reconcile")
		c.MustRun("root", "touch", "/run/service/gateway-coder/supervise/lock") // of an s6-supervise that died
		holder := c.Spawn("hermes", "perl", "-MFcntl", "-e", `open(my $lock, "<", $ARGV[0]) or die $!;
$| = 1;
my $ask = pack("ssx4qqix4", F_RDLCK, 0, 0, 0, 0);
fcntl($lock, F_SETLK, $ask) or die $!;
print "$$\n";
sleep 1000`, "/run/service/gateway-coder/supervise/lock")
		c.WaitFor("the lock", func() bool { return harness.ReadText(t, holder.Stdout) != "" })
		c.Boot()
		c.WaitUp("gateway-coder/log")
		want := "process " + strings.TrimSpace(harness.ReadText(t, holder.Stdout)) + " holds a lock on its supervise/lock: end that process"
		got := c.Run("root", "slotgen", "reconcile", "--wait", "1s")
		if got.Code != 1 || !strings.Contains(got.Stderr, `slotgen: error: slot "gateway-coder" has no supervisor after 1s`+"\nslotgen: hint: "+want) {
			t.Errorf("--wait: %+v", got)
		}
		if rows, _ := statusOf(t, c, "root"); !rows["coder"].has(want) {
			t.Errorf("status: %+v", rows["coder"])
		}
	})
}
