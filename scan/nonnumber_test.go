package scan

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestBareNonNumbersBecomeNull(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ data, want string }{
		{`NaN`, `null`},
		{`{"a":NaN,"b":Infinity,"c":-Infinity}`, `{"a":null,"b":null,"c":null}`},
		{`[ NaN , [-Infinity]]`, `[ null , [null]]`},
		{`{"a":"NaN","b":NaN}`, `{"a":"NaN","b":null}`},
		{`{"a":"say \"NaN\" twice","b":NaN}`, `{"a":"say \"NaN\" twice","b":null}`},
		{`{"a":"Infinity\\","b":Infinity}`, `{"a":"Infinity\\","b":null}`},
		{`{"NaN":1,"-Infinity":NaN}`, `{"NaN":1,"-Infinity":null}`},
		{`{"a":"NaN`, `{"a":"NaN`},
		{`{"a":"\`, `{"a":"\`},
		{``, ``},
	} {
		if got := string(nonNumbersToNull([]byte(test.data))); got != test.want {
			t.Errorf("%s becomes %s, want %s", test.data, got, test.want)
		}
	}
}

func FuzzNonNumbers(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,"x",null]}`, `"NaN"`, `"\"NaN"`, `"\\"`, `{"Infinity":"-Infinity\\"}`, `[NaN]`, `"NaN`, `-1e5`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got := nonNumbersToNull(data)
		if json.Valid(data) && !bytes.Equal(got, data) {
			t.Errorf("valid JSON %q becomes %q", data, got)
		}
	})
}
