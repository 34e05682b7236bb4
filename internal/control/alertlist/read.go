package alertlist

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/ingest/store"
)

// page is the number of AlertSets read with one request.
const page = 128

// errNoCRD is returned if the cluster has no CRD of AlertSets.
var errNoCRD = errors.New("the cluster has no AlertSets: is Impulse installed in it?")

// Stored is the recorded alerts, as far as they could be read.
type Stored struct {
	Alerts []v1alpha1.AlertRecord
	// LostAt is when records were last found to be unreadable; zero means never. If it is not zero, alerts that are not in Alerts may be
	// firing, too.
	LostAt time.Time
	// Unreadable has the names of AlertSets that cannot be decoded.
	Unreadable []string
}

// add adds the alerts of a shard.
func (s *Stored) add(all []v1alpha1.AlertRecord, lostAt time.Time) {
	s.Alerts = append(s.Alerts, all...)
	if lostAt.After(s.LostAt) {
		s.LostAt = lostAt
	}
}

// FromCluster reads the AlertSets of a namespace: the Lease namespace of the running Impulse.
func FromCluster(ctx context.Context, client rest.Interface, namespace string) (Stored, error) {
	var s Stored
	for next := ""; ; {
		result := client.Get().Namespace(namespace).Resource("alertsets").Param("limit", strconv.Itoa(page)).Param("continue", next).Do(ctx)
		raw, err := result.Raw()
		if err != nil {
			err = result.Error() // It has the message of the API server; Raw's error has only the status code.
		}
		switch {
		case apierrors.IsNotFound(err): // If the namespace does not exist, the list is empty.
			return s, errNoCRD
		case err != nil:
			return s, fmt.Errorf("list the AlertSets in %s: %w", namespace, err)
		}
		var list struct {
			metav1.ListMeta `json:"metadata"`
			Items           []json.RawMessage `json:"items"`
		}
		if err := json.Unmarshal(raw, &list); err != nil {
			return s, fmt.Errorf("decode the list of AlertSets in %s: %w", namespace, err)
		}
		for _, item := range list.Items {
			s.decode(item)
		}
		if next = list.Continue; next == "" {
			return s, nil
		}
	}
}

// decode adds the alerts of one AlertSet. Copies that were set aside are skipped.
func (s *Stored) decode(item []byte) {
	var set v1alpha1.AlertSet
	err := json.Unmarshal(item, &set)
	switch {
	case strings.HasSuffix(set.Name, store.Aside):
	case err != nil:
		s.Unreadable = append(s.Unreadable, set.Name)
	case set.LostAt != nil:
		s.add(set.Alerts, set.LostAt.Time)
	default:
		s.add(set.Alerts, time.Time{})
	}
}

// FromFolder reads the folder of alerts of a process in file mode. It changes nothing.
func FromFolder(dir string) (Stored, error) {
	var s Stored
	shards, err := store.ReadFolder(dir)
	for _, shard := range shards {
		s.add(shard.Alerts, shard.LostAt)
	}
	return s, err
}
