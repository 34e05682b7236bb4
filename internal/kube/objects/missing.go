package objects

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/diag"
)

// suggestTimeout bounds the search for the object that may have been meant.
const suggestTimeout = 3 * time.Second

// missing returns the error that there is no object of a name, with the name that may have been meant: the same one in another
// namespace, a similar one in this namespace, or a similar one in another namespace.
func (c *Client) missing(ctx context.Context, namespace, name string) error {
	ctx, cancel := context.WithTimeout(ctx, suggestTimeout)
	defer cancel()
	known, err := c.Names(ctx, "")
	if err != nil { // The user may not be allowed to list all namespaces.
		known, _ = c.Names(ctx, namespace)
	}
	err = fmt.Errorf("there is no ScaledObject %q in namespace %q", name, namespace)
	if meant := suggest(namespace, name, known); meant != "" {
		return fmt.Errorf("%w (%s)", err, diag.DidYouMean(meant))
	}
	return err
}

// suggest returns the object that may have been meant, as NAMESPACE/NAME if it is in another namespace; "" if there is none.
func suggest(namespace, name string, known []Name) string {
	var here, elsewhere []string
	var same string
	for _, k := range known {
		switch {
		case k.Namespace == namespace:
			here = append(here, k.Name)
		case k.Name == name && same == "":
			same = k.Namespace + "/" + k.Name
		default:
			elsewhere = append(elsewhere, k.Name)
		}
	}
	if same != "" {
		return same
	}
	if near := diag.Nearest(name, here); near != "" {
		return near
	}
	near := diag.Nearest(name, elsewhere)
	i := slices.IndexFunc(known, func(k Name) bool { return k.Name == near && k.Namespace != namespace })
	if near == "" || i < 0 {
		return ""
	}
	return known[i].Namespace + "/" + near
}

// Name identifies an object.
type Name struct{ Namespace, Name string }

// maxNames bounds the names that are read.
const maxNames = "5000"

// Names reads the names of the objects of a namespace, or of all namespaces if it is "", ordered.
func (c *Client) Names(ctx context.Context, namespace string) ([]Name, error) {
	names, err := namesOf(ctx, c.rest.Get().Namespace(namespace).Resource(resource))
	if err != nil {
		return nil, fmt.Errorf("list the names of ScaledObjects: %w", c.explain(err, "list", namespace))
	}
	return names, nil
}

// Namespaces reads the names of the namespaces of a cluster.
func (c *Client) Namespaces(ctx context.Context) ([]string, error) {
	all, err := namesOf(ctx, c.rest.Get().AbsPath("/api/v1/namespaces"))
	if err != nil {
		return nil, fmt.Errorf("list the namespaces: %w", Explain(err, c.host, "list", "namespaces", ""))
	}
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].Name
	}
	return names, nil
}

// namesOf reads the names of a list, without the objects.
func namesOf(ctx context.Context, request *rest.Request) ([]Name, error) {
	raw, err := request.Param("limit", maxNames).SetHeader("Accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1").Do(ctx).Raw()
	if err != nil {
		return nil, err
	}
	var list struct {
		Items []struct {
			Metadata struct{ Namespace, Name string } `json:"metadata"`
		} `json:"items"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("decode the names: %w", err)
	}
	names := make([]Name, len(list.Items))
	for i := range list.Items {
		names[i] = Name(list.Items[i].Metadata)
	}
	slices.SortFunc(names, func(a, b Name) int {
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	return names, nil
}
