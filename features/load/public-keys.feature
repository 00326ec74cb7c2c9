@load @beside @needs:fleet @needs:psk @security @must
Feature: Public keys and certificates of a whole fleet

  @SM-3 @bootstrap @judges:bootstrap-server @rule:fleet-bootstrapped @needs:rpk
  Scenario: A fleet is given raw public keys, and registers with them
    Given operator B has ordered its account of mode rpk for the small fleet
    When the small fleet starts at 100 devices per second
    Then every device of the small fleet completes its bootstrap
    And every device of the small fleet is registered with operator B

  @SM-3 @bootstrap @judges:bootstrap-server @rule:fleet-bootstrapped @needs:x509
  Scenario: A fleet is given certificates, and registers with them
    Given operator B has ordered its account of mode x509 for the small fleet
    When the small fleet starts at 100 devices per second
    Then every device of the small fleet completes its bootstrap
    And every device of the small fleet is registered with operator B

  @judges:lwm2m-server @rule:certificate-at-handshake @needs:x509
  Scenario: One certificate in a hundred is wrong, and exactly those devices fail
    When the small fleet starts with certificates that server B was told of, one in a hundred of them wrong
    Then exactly the devices of the small fleet with a right certificate are registered with operator B
