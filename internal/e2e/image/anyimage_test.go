package image

import (
	"path"
	"strings"
	"testing"

	"slotgen/internal/e2e/harness"
)

const anyImagePage = "docs/any-image.md"

// bootAnyImage builds an image of the page: its Dockerfile has that mark, and its templates lie in
// the directory of that name. The volume holds the page's files for it. It boots the image.
func bootAnyImage(t *testing.T, release harness.S6Release, mark, name, daemon string) *harness.Container {
	t.Helper()
	c := harness.NewContainer(t, release, harness.UnhurriedStop)
	c.MustRun("root", "cp", "/usr/local/bin/slotgen", "/slotgen")
	write := func(file, text string) {
		c.MustRun("root", "mkdir", "-p", path.Dir(file))
		c.Write(c.Path(file), text)
	}
	for _, b := range harness.PageBlocks(t, anyImagePage) {
		switch kind, file, _ := strings.Cut(b.Info, " "); {
		case kind == "gotemplate" && path.Dir(file) == name:
			write("/"+file, b.Text)
		case kind == "yaml" && name == "tenants":
			write("/opt/data/"+file, b.Text)
		}
	}
	write("/"+daemon, "#!/bin/sh\necho \"serving $* $GREETING $(ulimit -v)\"\nexec sleep 100000\n")
	c.MustRun("root", "chmod", "0755", "/"+daemon)
	c.MustRun("root", "sh", "-c", "chown -R root /"+name)
	buildFrom(c, harness.PageMarkedBlocks(t, anyImagePage, mark)[0].Text)
	c.MustRun("root", "chown", "-R", "1000:1000", "/opt/data")
	c.Boot()
	return c
}

// served returns the lines of a directory's daemon.
func served(c *harness.Container, name string) []string {
	c.T.Helper()
	c.WaitFor("a line of "+name, func() bool {
		return harness.Exists(c.Home+"/logs/gateways/"+name+"/current") && len(loggedLines(c, name)) > 0
	})
	return loggedLines(c, name)
}

func TestContainerTenantsOfThePageOnAnyImage(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := bootAnyImage(t, release, "dockerfile", "tenants", "tenantd")
		if got := runScripts(c, "/etc/cont-init.d"); got.Code != 0 {
			t.Fatalf("the boot script: %+v", got)
		}
		c.WaitUp("tenant-acme", "tenant-globex", "tenant-initech")
		for name, want := range map[string]string{
			"acme":    "serving -d /opt/data/acme -p 8001 it's acme 262144",
			"globex":  "serving -d /opt/data/globex -p 8002  524288",
			"initech": "serving -d /opt/data/initech -p 8003 hello 524288",
		} {
			if got := served(c, name); got[0] != want {
				t.Errorf("%s: %q, want %q", name, got[0], want)
			}
		}
		blocks := harness.PageMarkedBlocks(t, anyImagePage, "sh tenants")
		harness.CheckSession(t, blocks, c.MustRun("root", "/command/with-contenv", "sh", "-c", harness.SessionScript(blocks)))
		c.WaitFor("globex to be restarted", func() bool {
			lines := served(c, "globex")
			return strings.Contains(lines[len(lines)-1], "-p 8012")
		})

		startWatch(c)
		c.MustRun("root", "sh", "-ec", "mkdir /opt/data/umbrella; echo 'port: 8004' >/opt/data/umbrella/tenant.yaml")
		c.WaitUp("tenant-umbrella")
		c.MustRun("root", "sh", "-ec", "echo 'port: 8014' >/opt/data/umbrella/tenant.yaml")
		c.WaitFor("the new port of umbrella", func() bool {
			return strings.Contains(harness.ReadText(t, c.Path("/run/service/tenant-umbrella/run")), "-p 8014\n")
		})
		if got := runScripts(c, "/etc/cont-finish.d"); got.Code != 0 || c.IsUp("tenant-acme") {
			t.Errorf("the stop script: %+v", got)
		}
	})
}

func TestContainerGameServersOfThePageOnAnyImage(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := bootAnyImage(t, release, "dockerfile games", "games", "game-server")
		c.MustRun("root", "sh", "-ec", "for name in arena maze; do mkdir /opt/data/$name; >/opt/data/$name/server.cfg; done; mkdir /opt/data/empty")
		if got := runScripts(c, "/etc/cont-init.d"); got.Code != 0 {
			t.Fatalf("the boot script: %+v", got)
		}
		c.WaitUp("game-arena", "game-maze")
		if got := served(c, "maze"); !strings.HasPrefix(got[0], "serving -c /opt/data/maze/server.cfg ") || c.HasSlot("game-empty") {
			t.Errorf("maze: %q; empty has a slot: %v", got[0], c.HasSlot("game-empty"))
		}
	})
}
