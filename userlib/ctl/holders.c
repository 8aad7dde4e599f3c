// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Who holds a mailbox: the module tells it in /proc/PID/fdinfo, to whoever may
 * look into the process.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

/* What readlink(2) says of the files that hold the module. */
#define HANDLE_LINK	"anon_inode:[mailbox]"
#define DEVICE_LINK	"/dev/mailbox"

/* The rest of the line "key:\tvalue", or NULL. */
static const char *value_of(const char *line, const char *key)
{
	size_t length = strlen(key);

	if (strncmp(line, key, length) || line[length] != ':')
		return NULL;
	line += length + 1;
	return line + strspn(line, " \t");
}

static void copy_value(const char *line, const char *key, char *text, size_t size)
{
	const char *value = value_of(line, key);

	if (value)
		snprintf(text, size, "%s", value);
}

/* A line without its newline; longer ones than we read of are cut. */
static bool next_line(FILE *file, char *line, size_t size)
{
	if (!fgets(line, (int)size, file))
		return false;
	line[strcspn(line, "\n")] = '\0';
	return true;
}

/* A file of a process; NULL too for one that has ended meanwhile. */
static FILE *open_text(int process, const char *path)
{
	int fd = openat(process, path, O_RDONLY | O_CLOEXEC);
	FILE *file;

	if (fd < 0)
		return NULL;
	file = fdopen(fd, "r");
	if (!file)
		close(fd);
	return file;
}

static bool read_fdinfo(int process, const char *number, struct holder *holder)
{
	char line[MAILBOX_NAME_MAX + 64];
	char path[sizeof("fdinfo/") + NAME_MAX];
	const char *value;
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "fdinfo/%s", number);
	file = open_text(process, path);
	if (!file)
		return false;

	while (next_line(file, line, sizeof(line))) {
		value = value_of(line, "mailbox-id");
		if (value) {
			holder->id = strtoull(value, NULL, 10);
			found = true;
		}
		value = value_of(line, "mailbox-name");
		if (value)
			holder->named = true;
		copy_value(line, "mailbox-rights", holder->rights, sizeof(holder->rights));
		copy_value(line, "mailbox-policy", holder->policy, sizeof(holder->policy));
		copy_value(line, "mailbox-depth", holder->depth, sizeof(holder->depth));
		copy_value(line, "mailbox-capacity", holder->capacity,
			   sizeof(holder->capacity));
	}
	fclose(file);
	return found;
}

/* Has it a ring mapped?  That holds the module also without a descriptor. */
static bool has_mapped(int process)
{
	FILE *file = open_text(process, "maps");
	char line[PATH_MAX + 128];
	bool found = false;

	if (!file)
		return false;
	while (!found && next_line(file, line, sizeof(line))) {
		size_t length = strlen(line), tail = strlen(" " HANDLE_LINK);

		found = length > tail && !strcmp(line + length - tail, " " HANDLE_LINK);
	}
	fclose(file);
	return found;
}

/* Command and user; a process that ends meanwhile leaves them empty. */
static void read_process(int process, struct holder *holder)
{
	FILE *file = open_text(process, "status");
	char line[256];
	const char *value;

	holder->uid = (uint32_t)-1;
	if (!file)
		return;

	while (next_line(file, line, sizeof(line))) {
		copy_value(line, "Name", holder->command, sizeof(holder->command));
		value = value_of(line, "Uid");
		if (value)
			holder->uid = (uint32_t)strtoul(value, NULL, 10);
	}
	fclose(file);
}

/* False if we may not look into it; one that is gone is no secret. */
static bool scan_process(int proc, const char *pid, bool mapped, holder_fn *each,
			 void *argument)
{
	struct dirent *entry;
	bool found = false;
	int process;
	DIR *files;
	int fd;

	process = openat(proc, pid, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (process < 0)
		return errno != EACCES;

	fd = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		bool hidden = errno == EACCES || errno == EPERM;

		close(process);
		return !hidden;
	}

	files = fdopendir(fd);
	if (!files)
		die_memory();

	while ((entry = readdir(files))) {
		struct holder holder;
		char target[64];
		ssize_t length;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;

		length = readlinkat(fd, entry->d_name, target, sizeof(target) - 1);
		if (length < 0)
			continue;
		target[length] = '\0';

		holder = (struct holder) {
			.pid = (pid_t)atol(pid),
			.fd = atoi(entry->d_name),
		};
		if (strcmp(target, DEVICE_LINK) &&
		    (strcmp(target, HANDLE_LINK) ||
		     !read_fdinfo(process, entry->d_name, &holder)))
			continue;

		found = true;
		read_process(process, &holder);
		each(&holder, argument);
	}
	closedir(files);

	if (mapped && !found && has_mapped(process)) {
		struct holder holder = { .pid = (pid_t)atol(pid), .fd = -1 };

		read_process(process, &holder);
		each(&holder, argument);
	}
	close(process);
	return true;
}

bool holders(bool mapped, holder_fn *each, void *argument)
{
	struct dirent *entry;
	bool whole = true;
	DIR *proc;

	proc = opendir("/proc");
	if (!proc)
		return false;

	while ((entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    atol(entry->d_name) == getpid())
			continue;
		if (!scan_process(dirfd(proc), entry->d_name, mapped, each, argument))
			whole = false;
	}

	closedir(proc);
	return whole;
}
