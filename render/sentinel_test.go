package render

import (
	"os/exec"
	"strings"
	"testing"

	"slotgen/internal/testenv"
)

// hostileTexts returns texts of data that run a command or end a quote where the quotes do not hold.
func hostileTexts() []string {
	return []string{
		"plain", "it's", "'", "''", `"; touch pwned; "`, "$(touch pwned)", "`touch pwned`", `\`, `\'; touch pwned; '`, "'; touch pwned; '",
		"}; touch pwned; {", "EOF", "#", "*", "-e", "${x}", "&& touch pwned", "a[$(touch pwned)]",
	}
}

// scriptWith returns a function that renders the run script from a template, with a text as .Data.x.
func scriptWith(t *testing.T, template string) func(text string) (Slot, error) {
	t.Helper()
	set := load(t, overrides(t, map[string]string{"run.tmpl": template}))
	return func(text string) (Slot, error) {
		slot, _, err := set.Slot(withData(map[string]string{"x": text}))
		return slot, err
	}
}

func TestQuotedDataIsAWholeWordPartOfAShellScript(t *testing.T) {
	t.Parallel()
	for script, ok := range map[string]bool{
		"echo Q":                           true,
		"echo a/Q/b":                       true,
		"echo QQ":                          true,
		"x=Q\nexport Y=a:Q\necho \"$x\"":   true,
		"if [ Q = Q ]; then echo Q; fi":    true,
		"case Q in Q) echo Q ;; esac":      true,
		"for i in Q; do echo \"$i\"; done": true,
		"(echo Q | cat >Q) 2>/dev/null":    true,
		"f() { echo Q; }\nf":               true,
		"echo \"$(date)\" Q":               true,
		"echo $(echo Q)":                   true,
		"cat <<EOF\n$HOME\nEOF\necho Q":    true,
		"echo 'a'Q'b'":                     true,
		"echo \"a\"Q\"b\"":                 true,
		"echo \\\nQ":                       true,
		"echo \"Q\"":                       false,
		"echo \"a $(echo Q)\"":             false,
		"echo 'Q'":                         false,
		"echo `echo Q`":                    false,
		"echo ${x:-Q}":                     false,
		"echo \"${x:-Q}\"":                 false,
		"echo $((Q + 1))":                  false,
		"# Q\necho":                        false,
		"echo # Q":                         false,
		"cat <<EOF\nQ\nEOF":                false,
		"cat <<'EOF'\nQ\nEOF":              false,
		"cat <<-Q\nx\nQ":                   false,
		"echo $Q":                          false,
		"echo \\Q":                         false,
		"echo \"$x\" \"Q":                  false,
		"eval Q":                           false,
		"Q":                                false,
		"x=1 Q":                            false,
		". Q":                              false,
		"alias x=Q":                        false,
		"read Q":                           false,
		"exec env -S Q":                    false,
		"exec python3 -c Q":                false,
		"x=-c; sh $x Q":                    true, // the value of $x is not known
		"set -- X=Q \"$@\"":                true,
		"eval \"x\" Q":                     false,
		"trap Q EXIT":                      false,
		"sh -c Q":                          false,
		"exec /bin/sh -ec Q":               false,
		"su x -c Q":                        false,
		"sh -e Q":                          true,
		"export Q":                         false,
	} {
		for _, shell := range []string{"#!/bin/sh\n", "#!/command/with-contenv bash\n"} {
			render := scriptWith(t, shell+strings.ReplaceAll(script, "Q", "{{ shquote .Data.x }}")+"\n")
			for _, text := range hostileTexts() {
				_, err := render(text)
				if ok != (err == nil) {
					t.Errorf("%s%s with %q: error %v", shell, script, text, err)
				}
				if !ok && text == "plain" && !strings.Contains(err.Error(), `does not protect here`) {
					t.Errorf("%s%s: error %v", shell, script, err)
				}
			}
		}
	}
	for script, want := range map[string]string{
		"#!/bin/bash\n[[ 1 -eq Q ]]": "protect", "#!/bin/bash\n((x = Q))": "protect", "#!/bin/bash\na[Q]=1": "protect", "#!/bin/bash\necho $Q": "protect",
		"#!/bin/sh\n\necho \"Q\"": `rendered run:3:7: shquote .Data.x does not protect here`, "#!/usr/bin/python3\nprint(Q)": `shquote .Data.x is not for a script of "python3"`,
		"#!/command/execlineb -P\necho Q": `shquote .Data.x is not for a script of "execlineb"`,
	} {
		_, err := scriptWith(t, strings.ReplaceAll(script, "Q", "{{ shquote .Data.x }}")+"\n")("it's")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", script, err, want)
		}
	}
}

func TestQuotedDataBeginsAWordOfExecline(t *testing.T) {
	t.Parallel()
	testenv.NeedProgram(t, "execlineb")
	for script, ok := range map[string]bool{
		"/usr/bin/printf %s| Q":                     true,
		"/usr/bin/printf %s| a/Q\"b\"Q":             true,
		"# it's \"\n/usr/bin/printf %s| Q":          true,
		"foreground { /usr/bin/printf %s| Q } true": true,
		"/usr/bin/printf %s| a#Q":                   true,
		"/usr/bin/printf %s| \\\\Q":                 true,
		"/usr/bin/printf %s| \"\\\"\" Q":            true,
		"/usr/bin/printf %s| \"#\" Q":               true,
		"/usr/bin/printf %s| \"Q\"":                 false,
		"/usr/bin/printf %s| # Q":                   false,
		"#Q\n/usr/bin/printf %s| a":                 false,
		"/usr/bin/printf %s| \\Q":                   false,
		"/usr/bin/printf %s| \"a\\\"Q\"":            false,
	} {
		render := scriptWith(t, "#!/command/execlineb -P\n"+strings.ReplaceAll(script, "Q", "{{ execquote .Data.x }}")+"\n")
		for _, text := range []string{"plain", "it's", `"`, `\`, `\"`, "} touch pwned {", "#", "$x", " "} {
			slot, err := render(text)
			if ok != (err == nil) {
				t.Errorf("%s with %q: error %v", script, text, err)
				continue
			}
			if !ok {
				continue
			}
			_, commands, _ := strings.Cut(textOf(t, slot, "run"), "\n")
			out, err := exec.Command("execlineb", "-Pc", commands).CombinedOutput()
			if err != nil || !strings.Contains(string(out), text) {
				t.Errorf("%s with %q: %q, %v", script, text, out, err)
			}
		}
	}
	_, err := scriptWith(t, "#!/bin/sh\necho {{ execquote .Data.x }}\n")("x")
	if err == nil || !strings.Contains(err.Error(), `execquote .Data.x is not for a script of "sh"`) {
		t.Errorf("error %v", err)
	}
}
