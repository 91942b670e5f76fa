//go:build ignore

/*
 * The floor of the benchmark: the least that a first boot can cost. It reads the
 * same state files as slotgen and makes the same tree, each slot staged under a
 * dot name and published by one rename, with raw system calls, one thread and no
 * templates. Owners and modes are set by explicit calls, as slotgen has to.
 *
 *   floor HOME SCANDIR MODEL GID
 *
 * MODEL holds the bytes of a slot, default/ for the home's own and named/ for the
 * others, each with run, finish, type and log.run; @NAME@ in them becomes the
 * profile's name.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { files = 4, max_text = 1 << 16 };

static const struct { const char *model, *slot; mode_t mode; } layout[files] = {
	{"finish", "finish", 0755},
	{"log.run", "log/run", 0755},
	{"run", "run", 0755},
	{"type", "type", 0644},
};

struct text { char data[max_text]; size_t len; };

static struct text default_slot[files], named_slot[files];
static int scandir_fd;
static gid_t group;

static void die(const char *what, const char *name) {
	fprintf(stderr, "floor: %s %s: %s\n", what, name, strerror(errno));
	exit(1);
}

static int need(int result, const char *what, const char *name) {
	if (result < 0) die(what, name);
	return result;
}

/* slurp reads a file and ends it with a NUL; false when there is none. */
static int slurp(int dir, const char *name, struct text *t) {
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) return 0;
	need(fd, "open", name);
	ssize_t n = read(fd, t->data, max_text - 1);
	if (n < 0) die("read", name);
	t->len = n;
	t->data[n] = 0;
	close(fd);
	return 1;
}

/* member finds the string under a key of a JSON object, well enough for ours. */
static int member_is(const struct text *json, const char *key, const char *word) {
	const char *at = strstr(json->data, key);
	if (!at) return 0;
	at += strlen(key);
	while (*at == ':' || *at == ' ') at++;
	size_t n = strlen(word);
	return *at == '"' && !strncmp(at + 1, word, n) && at[n + 1] == '"';
}

static int wants_to_run(int profile, const char *state, const char *lifecycle) {
	static struct text json;
	int runs = slurp(profile, state, &json) && member_is(&json, "\"desired_state\"", "running");
	slurp(profile, lifecycle, &json); /* a label in the boot log, which the floor has none of */
	return runs;
}

static void make_file(int slot, const char *name, mode_t mode, const char *data, size_t len) {
	int fd = need(openat(slot, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), "make", name);
	if (len && write(fd, data, len) != (ssize_t)len) die("write", name);
	need(fchmod(fd, mode), "chmod", name);
	close(fd);
}

static void make_dir(int at, const char *name) {
	need(mkdirat(at, name, 0700), "make", name);
}

/* give sets the group, where it is not ours, and the mode. */
static void give(int slot, const char *name, gid_t gid, mode_t mode) {
	if (gid != 0) need(fchownat(slot, name, 0, gid, AT_SYMLINK_NOFOLLOW), "chown", name);
	need(fchmodat(slot, name, mode, 0), "chmod", name);
}

static void make_skeleton(int slot, const char *dir, const char *control) {
	make_dir(slot, dir);
	need(mkfifoat(slot, control, 0600), "make", control);
	give(slot, control, group, 0620);
	give(slot, dir, group, 0710);
}

/* patch copies a model's text with the name in the place of @NAME@. */
static size_t patch(char *out, const struct text *model, const char *name) {
	static const char mark[] = "@NAME@";
	const char *from = model->data, *end = model->data + model->len, *at;
	char *to = out;
	while ((at = memmem(from, end - from, mark, sizeof mark - 1))) {
		to = mempcpy(to, from, at - from);
		to = stpcpy(to, name);
		from = at + sizeof mark - 1;
	}
	return (char *)mempcpy(to, from, end - from) - out;
}

static void make_slot(const struct text *model, const char *name, int runs) {
	static char out[2 * max_text];
	char staged[NAME_MAX + 1], published[NAME_MAX + 1];
	snprintf(staged, sizeof staged, ".gateway-%s.new", name);
	snprintf(published, sizeof published, "gateway-%s", name);
	make_dir(scandir_fd, staged);
	int slot = need(openat(scandir_fd, staged, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), "open", staged);
	make_dir(slot, "log");
	if (!runs) make_file(slot, "down", 0644, "", 0);
	for (int i = 0; i < files; i++)
		make_file(slot, layout[i].slot, layout[i].mode, out, patch(out, &model[i], name));
	make_skeleton(slot, "supervise", "supervise/control");
	make_skeleton(slot, "log/supervise", "log/supervise/control");
	give(slot, "log", 0, 0755);
	need(fchmod(slot, 0755), "chmod", staged);
	close(slot);
	need(renameat(scandir_fd, staged, scandir_fd, published), "publish", name);
}

static void load(int dir, const char *kind, struct text *slot) {
	char name[64];
	for (int i = 0; i < files; i++) {
		snprintf(name, sizeof name, "%s/%s", kind, layout[i].model);
		if (!slurp(dir, name, &slot[i])) die("open", name);
	}
}

static int open_dir(const char *name) {
	return need(open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open", name);
}

int main(int argc, char **argv) {
	if (argc != 5) {
		fputs("usage: floor HOME SCANDIR MODEL GID\n", stderr);
		return 2;
	}
	int home = open_dir(argv[1]), model = open_dir(argv[3]);
	group = atoi(argv[4]);
	need(mkdir(argv[2], 0755), "make", argv[2]);
	scandir_fd = open_dir(argv[2]);
	need(fchmod(scandir_fd, 0755), "chmod", argv[2]);
	load(model, "default", default_slot);
	load(model, "named", named_slot);

	make_slot(default_slot, "default", wants_to_run(home, "gateway_state.json", "state/gateway.lifecycle.json"));
	int profiles = need(openat(home, "profiles", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open", "profiles");
	DIR *list = fdopendir(profiles);
	struct dirent *entry;
	while (list && (entry = readdir(list))) {
		char marker[PATH_MAX], state[PATH_MAX], lifecycle[PATH_MAX];
		const char *name = entry->d_name;
		struct stat st;
		if (name[0] == '.') continue;
		snprintf(marker, sizeof marker, "%s/SOUL.md", name);
		snprintf(state, sizeof state, "%s/gateway_state.json", name);
		snprintf(lifecycle, sizeof lifecycle, "%s/state/gateway.lifecycle.json", name);
		if (fstatat(profiles, marker, &st, AT_SYMLINK_NOFOLLOW)) continue;
		make_slot(named_slot, name, wants_to_run(profiles, state, lifecycle));
	}
	return 0;
}
