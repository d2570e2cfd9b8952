# install.mk - install, uninstall, dist, deb; part of the Makefile.
#
# DESTDIR is put in front of every path, for packagers; PREFIX and the directories below choose
# the paths.  SYSCONFDIR and STATEDIR are compiled in: give them to `make` as to `make install`.

DESTDIR      ?=
SBINDIR      ?= $(PREFIX)/sbin
LIBDIR       ?= $(PREFIX)/lib
DATADIR      ?= $(PREFIX)/share
MANDIR       ?= $(DATADIR)/man
DOCDIR       ?= $(DATADIR)/doc/exim-batv
# What Exim's configuration names:
SNIPPETSDIR  ?= $(DATADIR)/exim-batv/snippets
MODULEDIR    ?= $(LIBDIR)/exim-batv
UNITDIR      ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR  ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR  ?= $(PREFIX)/lib/tmpfiles.d
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
# The group that Exim runs with; by default the first one of these that there is.
EXIM_GROUP   ?=

INSTALL_ENV = BUILD='$(OUT)' DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' SBINDIR='$(SBINDIR)' LIBDIR='$(LIBDIR)' \
	DATADIR='$(DATADIR)' MANDIR='$(MANDIR)' DOCDIR='$(DOCDIR)' SNIPPETSDIR='$(SNIPPETSDIR)' \
	MODULEDIR='$(MODULEDIR)' UNITDIR='$(UNITDIR)' SYSUSERSDIR='$(SYSUSERSDIR)' TMPFILESDIR='$(TMPFILESDIR)' \
	PKGCONFIGDIR='$(PKGCONFIGDIR)' SYSCONFDIR='$(SYSCONFDIR)' STATEDIR='$(STATEDIR)' EXIM_GROUP='$(EXIM_GROUP)'

.PHONY: dist deb
install: all
	@$(INSTALL_ENV) packaging/install install

uninstall:
	@$(INSTALL_ENV) packaging/install uninstall

dist:
	@BUILD='$(BUILD)' packaging/dist

deb: dist
	@BUILD='$(BUILD)' EXIM_VERSION='$(EXIM_VERSION)' EXIM_HEADERS='$(EXIM_HEADERS)' packaging/deb
