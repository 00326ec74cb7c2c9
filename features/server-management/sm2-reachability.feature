@SM-2 @judges:lwm2m-server @profile
Feature: SM-2, the LwM2M Server tells which devices it can reach

  The Bootstrap Server cannot see whether a device can be reached. What the Server answers is what its registry shows.

  @needs:misbehaviour @rule:reachability-truthful
  Scenario: A registered device is reachable, one that has left is not
    Given device "c1" is registered with operator A
    Then server A says of "c1":
      | registered | true            |
      | queueMode  | false or absent |
      | awake      | true or absent  |
    When "c1" de-registers from operator A
    Then server A serves the former location of "c1" no more
    And server A says of "c1":
      | registered | false           |
      | awake      | false or absent |

  @needs:queue-mode @rule:reachability-truthful
  Scenario: A sleeping device is registered, and not awake
    Given device "c1" is "sleepy"
    And device "c1" is registered with operator A
    And "c1" sleeps
    Then server A says of "c1":
      | registered | true            |
      | queueMode  | true or absent  |
      | awake      | false or absent |

  @slow @rule:reachability-truthful
  Scenario: A device that fell silent is gone when its lifetime is over
    Given device "c1" is registered with operator A for 2 s
    And "c1" falls silent
    And "c1" is not registered with operator A any more
    Then server A says of "c1":
      | registered | false |

  @rule:reachability-truthful
  Scenario: A device that was never seen is not registered
    Given device "c1" with a factory account of operator B
    Then server A says of "c1":
      | registered | false |
