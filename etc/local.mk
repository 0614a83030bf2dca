# SPDX-License-Identifier: Apache-2.0
# etc: sample configurations, units, schemas.

dist_doc_DATA = README etc/corosync.conf.sample
sampledir = $(sysconfdir)/holdfast
dist_sample_DATA = etc/holdfast.conf.sample

systemdsystemunit_DATA = etc/holdfastd.service etc/holdfast-guard.service
tmpfilesdir = $(prefix)/lib/tmpfiles.d
corosyncuidgiddir = $(sysconfdir)/corosync/uidgid.d
EXTRA_DIST += etc/holdfastd.service.in etc/holdfast-guard.service.in etc/holdfast.sysusers etc/holdfast.tmpfiles \
	etc/corosync-uidgid.conf
CLEANFILES += etc/holdfastd.service etc/holdfast-guard.service

# A unit names the programs by the places where this build installs them.
etc/holdfastd.service: etc/holdfastd.service.in Makefile
etc/holdfast-guard.service: etc/holdfast-guard.service.in Makefile
etc/holdfastd.service etc/holdfast-guard.service:
	$(AM_V_GEN)$(MKDIR_P) etc && $(SED) -e 's|@sbindir[@]|$(sbindir)|' -e 's|@nft[@]|/usr/sbin/nft|' \
		$(srcdir)/$@.in >$@.tmp && mv $@.tmp $@

# Each under the name that its reader wants.
install-data-local:
	$(MKDIR_P) "$(DESTDIR)$(sysusersdir)" "$(DESTDIR)$(tmpfilesdir)" "$(DESTDIR)$(corosyncuidgiddir)"
	$(INSTALL_DATA) $(srcdir)/etc/holdfast.sysusers "$(DESTDIR)$(sysusersdir)/holdfast.conf"
	$(INSTALL_DATA) $(srcdir)/etc/holdfast.tmpfiles "$(DESTDIR)$(tmpfilesdir)/holdfast.conf"
	$(INSTALL_DATA) $(srcdir)/etc/corosync-uidgid.conf "$(DESTDIR)$(corosyncuidgiddir)/holdfast"
uninstall-local:
	rm -f "$(DESTDIR)$(sysusersdir)/holdfast.conf" "$(DESTDIR)$(tmpfilesdir)/holdfast.conf" \
		"$(DESTDIR)$(corosyncuidgiddir)/holdfast"

# Pacemaker's agent. Pacemaker looks below one directory only: --with-ocfdir.
ocfagentdir = $(ocfdir)/resource.d/holdfast
ocfagent_SCRIPTS = etc/ocf/concentrator
EXTRA_DIST += etc/ocf/concentrator.in
CLEANFILES += etc/ocf/concentrator

etc/ocf/concentrator: etc/ocf/concentrator.in Makefile
	$(AM_V_GEN)$(MKDIR_P) etc/ocf && $(SED) -e 's|@sbindir[@]|$(sbindir)|' -e 's|@bindir[@]|$(bindir)|' \
		$(srcdir)/$@.in >$@.tmp && chmod 755 $@.tmp && mv $@.tmp $@
