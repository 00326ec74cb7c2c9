@load @beside @needs:fleet @needs:psk @needs:cid @security @resilience
Feature: A fleet behind a NAT that forgets

  The address of each device changes every 30 s; with the timers of the lab, every 12 s. The same twice: with connection ids, and without. What a change of
  address costs stands in the check of each.

  @judges:lwm2m-server @should @rule:fleet-rebinds
  Scenario: With connection ids a change of address costs nothing
    Given operator B has ordered its account for the small fleet
    When the small fleet starts behind a NAT that changes addresses, with connection ids
    And every device of the small fleet is registered with operator B
    And every device of the small fleet updates its registration with operator B a few times, while its address changes
    Then no change of address has cost an Update or a handshake

  @judges:lwm2m-server @must @rule:fleet-recovers
  Scenario: Without connection ids each change of address costs a session, and every device comes back
    Given operator B has ordered its account for the small fleet
    When the small fleet starts behind a NAT that changes addresses, without connection ids
    And every device of the small fleet is registered with operator B
    And every device of the small fleet updates its registration with operator B a few times, while its address changes
    Then every device of the small fleet is registered with operator B again, and what it cost is reported
