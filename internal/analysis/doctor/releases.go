package doctor

import (
	"path"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// Release is a Deployment of impulse run.
type Release struct {
	Key

	// Tag is the tag of its image; "" if it has none.
	Image, Tag     string
	Replicas       int32
	Available      int32
	ServiceAccount string
	Labels         map[string]string
	flags          map[string]string
	volumes        []corev1.Volume
	mounts         []corev1.VolumeMount
}

// Releases returns the releases among Deployments, ordered.
func Releases(all []appsv1.Deployment) []Release {
	var found []Release
	for i := range all {
		if r, ok := releaseOf(&all[i]); ok {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b Release) int { return strings.Compare(a.String(), b.String()) })
	return found
}

// releaseOf returns the release that a Deployment is. Names and labels are values of the chart, so a release is known by its arguments.
func releaseOf(d *appsv1.Deployment) (Release, bool) {
	pod := &d.Spec.Template.Spec
	for i := range pod.Containers {
		c := &pod.Containers[i]
		flags := flagsOf(c.Args)
		if _, ok := flags["lease-namespace"]; !ok || !slices.Contains(c.Args, "run") {
			continue
		}
		r := Release{
			Key: Key{d.Namespace, d.Name}, Image: c.Image, Tag: tagOf(c.Image), Replicas: 1, Available: d.Status.ReadyReplicas,
			ServiceAccount: pod.ServiceAccountName, Labels: d.Spec.Template.Labels, flags: flags, volumes: pod.Volumes, mounts: c.VolumeMounts,
		}
		if d.Spec.Replicas != nil {
			r.Replicas = *d.Spec.Replicas
		}
		if r.ServiceAccount == "" {
			r.ServiceAccount = "default"
		}
		return r, true
	}
	return Release{}, false
}

// flagsOf returns the flags among arguments. A flag without a value is "true".
func flagsOf(args []string) map[string]string {
	flags := map[string]string{}
	for i, arg := range args {
		name, value, given := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		switch {
		case !strings.HasPrefix(arg, "-"):
			continue
		case !given && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-"):
			value = args[i+1]
		case !given:
			value = "true"
		}
		if name == "n" {
			name = "namespace"
		}
		flags[name] = value
	}
	return flags
}

// tagOf returns the tag of an image.
func tagOf(image string) string {
	image, _, _ = strings.Cut(image, "@")
	_, tag, _ := strings.Cut(path.Base(image), ":")
	return tag
}

// Scope is the only namespace that the release scales; "" means all.
func (r *Release) Scope() string { return r.flags["namespace"] }

// lease returns the Lease of the release, whose default name is given.
func (r *Release) lease(name string) Key {
	if given := r.flags["lease-name"]; given != "" {
		name = given
	}
	return Key{r.flags["lease-namespace"], name}
}

// is reports whether a flag without a value is set.
func (r *Release) is(flag string) bool { return r.flags[flag] == "true" }

// Webhook is the name of the ValidatingWebhookConfiguration whose reviews the release answers; "" if it answers none.
func (r *Release) Webhook() string {
	switch name := r.flags["admission-webhook"]; {
	case r.flags["admission-listen"] == "":
		return ""
	case name == "":
		return "impulse"
	default:
		return name
	}
}

// secretOf returns the Secret of the volume that has the file of a flag; "" if there is none.
func (r *Release) secretOf(flag string) string {
	file := r.flags[flag]
	for i := range r.mounts {
		if file == "" || path.Dir(file) != path.Clean(r.mounts[i].MountPath) {
			continue
		}
		for j := range r.volumes {
			if v := &r.volumes[j]; v.Name == r.mounts[i].Name && v.Secret != nil {
				return v.Secret.SecretName
			}
		}
	}
	return ""
}

// Secrets returns the Secrets that the checks of the release need.
func (r *Release) Secrets() []Key {
	var all []Key
	for _, name := range []string{r.secretOf("tokens-file"), r.secretOf("tls-cert-file")} {
		if name != "" {
			all = append(all, Key{r.Namespace, name})
		}
	}
	if r.Webhook() != "" && r.flags["admission-cert-file"] == "" {
		all = append(all, Key{r.Namespace, admissionSecret})
	}
	return all
}

// responsible returns the release that scales the objects of a namespace; nil if there is none.
func responsible(all []Release, namespace string) *Release {
	for i := range all {
		if scope := all[i].Scope(); scope == "" || scope == namespace {
			return &all[i]
		}
	}
	return nil
}
