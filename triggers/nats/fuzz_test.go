package nats

import (
	"net/http"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/triggers/triggertest"
)

// FuzzMonitoring: each answer of a server gives a level that is not below 0, or an error of one short line.
func FuzzMonitoring(f *testing.F) {
	const found = `{"account_details":[{"name":"$G","stream_detail":[{"name":"WORK","consumer_detail":[CONSUMER]}]}],"meta_cluster":{"cluster_size":3}}`
	for _, consumer := range []string{
		`{"name":"workers","num_pending":3,"num_ack_pending":1}`,
		`{"name":"workers","num_pending":18446744073709551615,"num_ack_pending":9223372036854775807}`,
		`{"name":"workers","num_ack_pending":-1}`,
		`{"name":"workers","cluster":{"leader":"n1","replicas":[{"name":"n2"}]}}`,
		`{"name":"workers","cluster":{"leader":"n1","replicas":[{"name":"n1"}]}}`,
		`{"name":"workers","num_pending":null,"num_ack_pending":1,"paused":true}`, `{"name":"workers","num_pending":3}`,
		`{"name":"workers","num_pending":3,"num_ack_pending":1,"config":{"num_replicas":3,"inactive_threshold":5},"cluster":{"leader":"n1"}}`,
		`{"name":"workers","cluster":null}`, `null`, ``,
	} {
		f.Add([]byte(strings.Replace(found, "CONSUMER", consumer, 1)), []byte(`{"connect_urls":["10.0.0.1:4222","x"],"server_name":"n1"}`))
	}
	f.Add([]byte(`{"meta_cluster":{"cluster_size":2}}`), []byte(`{"cluster":{"urls":["a.b:1","[::1]:2",":","%zz"]},"server_name":"a\nb"}`))
	f.Fuzz(func(t *testing.T, jsz, varz []byte) {
		env := environment(nil)
		env.HTTP = &http.Client{Transport: triggertest.Canned(func(r *http.Request) (int, []byte) {
			return http.StatusOK, map[string][]byte{"/jsz": jsz, "/varz": varz}[r.URL.Path]
		})}
		value, err := newReader(monitored("nats:8222"), env).Read(t.Context())
		if err == nil {
			if value.level < 0 {
				t.Errorf("the level is %v", value.level)
			}
			return
		}
		if text := err.Error(); strings.ContainsAny(text, "\n\r\x00") || len(text) > 600 {
			t.Errorf("the error is not one short line: %q", text)
		}
	})
}
