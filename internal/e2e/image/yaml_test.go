package image

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"slotgen/internal/e2e/harness"
)

// stopLimit is the sum of the limits of a stopping container, as docs/operating.md adds them up.
const stopLimit = 11 * time.Second

// yamlDocuments decodes the documents of the only block with that mark. A name that the type does
// not know is an error.
func yamlDocuments[T any](t *testing.T, info string) []T {
	t.Helper()
	blocks := harness.MarkedBlocks(t, info)
	if len(blocks) != 1 {
		t.Fatalf("the pages have %d blocks marked %q, want 1", len(blocks), info)
	}
	decoder := yaml.NewDecoder(strings.NewReader(blocks[0].Text))
	decoder.KnownFields(true)
	var documents []T
	for {
		var document T
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return documents
		}
		if err != nil {
			t.Fatalf("%s: %v", blocks[0].Page, err)
		}
		documents = append(documents, document)
	}
}

func TestComposeExample(t *testing.T) {
	type compose struct {
		Services map[string]struct {
			Image, Restart  string
			StopGracePeriod time.Duration `yaml:"stop_grace_period"`
			Volumes         []string
			Healthcheck     struct {
				Test        []string
				StartPeriod time.Duration `yaml:"start_period"`
			}
		}
		Volumes map[string]any
	}
	agent := yamlDocuments[compose](t, "yaml compose")[0].Services["agent"]
	if agent.StopGracePeriod <= stopLimit {
		t.Errorf("the grace period is %v, want more than %v", agent.StopGracePeriod, stopLimit)
	}
	if want := append([]string{"CMD"}, healthcheckOf(t, dockerfileOf(t, "README.md"))...); !slices.Equal(agent.Healthcheck.Test, want) {
		t.Errorf("the health check is %q, want %q", agent.Healthcheck.Test, want)
	}
	if want := []string{"data:/opt/data", "./templates:/etc/slotgen/templates:ro"}; !slices.Equal(agent.Volumes, want) {
		t.Errorf("the volumes are %q, want %q", agent.Volumes, want)
	}
}

type named struct{ Name string }

// manifest is a ConfigMap or a Deployment, with the fields that the page uses.
type manifest struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   named
	Data       map[string]string
	Spec       struct {
		Replicas int
		Strategy struct{ Type string }
		Selector struct {
			MatchLabels map[string]string `yaml:"matchLabels"`
		}
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     podSpec
		}
	}
}

type podSpec struct {
	GraceSeconds int `yaml:"terminationGracePeriodSeconds"`
	Containers   []struct {
		Name, Image    string
		ReadinessProbe struct {
			Exec                struct{ Command []string }
			InitialDelaySeconds int `yaml:"initialDelaySeconds"`
			PeriodSeconds       int `yaml:"periodSeconds"`
			TimeoutSeconds      int `yaml:"timeoutSeconds"`
		} `yaml:"readinessProbe"`
		VolumeMounts []struct {
			Name      string
			MountPath string `yaml:"mountPath"`
		} `yaml:"volumeMounts"`
	}
	Volumes []podVolume
}

type podVolume struct {
	Name  string
	Claim struct {
		ClaimName string `yaml:"claimName"`
	} `yaml:"persistentVolumeClaim"`
	ConfigMap struct {
		Name  string
		Items []struct{ Key, Path string }
	} `yaml:"configMap"`
}

// The Deployment runs one pod on its volume. The ConfigMap is mounted as a kubelet does, and then
// the container boots and answers the probe.
func TestContainerKubernetesExample(t *testing.T) {
	documents := yamlDocuments[manifest](t, "yaml kubernetes")
	if len(documents) != 2 || documents[0].Kind != "ConfigMap" || documents[1].Kind != "Deployment" {
		t.Fatalf("the documents are %+v", documents)
	}
	templates, spec := documents[0], documents[1].Spec
	pod := spec.Template.Spec
	if spec.Replicas != 1 || spec.Strategy.Type != "Recreate" {
		t.Errorf("%d replicas with the strategy %q may run two pods", spec.Replicas, spec.Strategy.Type)
	}
	if spec.Selector.MatchLabels["app"] != spec.Template.Metadata.Labels["app"] {
		t.Error("the selector does not select the pod")
	}
	if limit := time.Duration(pod.GraceSeconds) * time.Second; limit <= stopLimit {
		t.Errorf("the grace period is %v, want more than %v", limit, stopLimit)
	}
	probe := pod.Containers[0].ReadinessProbe.Exec.Command
	if want := healthcheckOf(t, dockerfileOf(t, "README.md")); !slices.Equal(probe, want) {
		t.Errorf("the probe is %q, want %q", probe, want)
	}
	for _, mount := range pod.Containers[0].VolumeMounts {
		if !slices.ContainsFunc(pod.Volumes, func(v podVolume) bool { return v.Name == mount.Name }) {
			t.Errorf("no volume has the name %q", mount.Name)
		}
	}

	c := harness.NewContainer(t, harness.OwnS6(), harness.UnhurriedStop)
	c.Profile("default", harness.Running)
	c.Profile("coder", harness.Running)
	config := pod.Volumes[slices.IndexFunc(pod.Volumes, func(v podVolume) bool { return v.ConfigMap.Name == templates.Metadata.Name })].ConfigMap
	if len(config.Items) != len(templates.Data) {
		t.Errorf("%d of %d keys are mounted", len(config.Items), len(templates.Data))
	}
	mountConfigMap(t, c.Path("/etc/slotgen/templates"), templates.Data, config.Items)
	c.MustRun("root", "slotgen", "templates", "check")
	c.MustRun("root", "slotgen", "reconcile")
	c.Boot()
	c.WaitUp("gateway-default", "gateway-coder", "gateway-coder/log")
	c.MustRun("root", probe...)
	if got := harness.ReadText(t, c.Path("/run/service/gateway-coder/timeout-kill")); got != "5000\n" {
		t.Errorf("timeout-kill is %q", got)
	}
	c.WaitFor("coder's lines in the container's log", func() bool {
		return strings.Contains(harness.ReadText(t, c.Console), " line 1\n")
	})
}

// mountConfigMap makes a directory as a kubelet does: each first component of an item's path is a
// link into the directory that the link ..data names.
func mountConfigMap(t *testing.T, dir string, data map[string]string, items []struct{ Key, Path string }) {
	t.Helper()
	const version = "..2026_01_01_00_00_00.1"
	for _, item := range items {
		text, found := data[item.Key]
		if !found {
			t.Errorf("the ConfigMap has no key %q", item.Key)
		}
		file := filepath.Join(dir, version, item.Path)
		top, _, _ := strings.Cut(item.Path, "/")
		if err := errors.Join(
			os.MkdirAll(filepath.Dir(file), 0o755),
			os.WriteFile(file, []byte(text), 0o644),
			os.Symlink("..data/"+top, filepath.Join(dir, top)),
		); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(version, filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
}
